"""304 for lists that have not changed, without making them (RFC 9110 13.1.2)."""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.container import Storage
from storage.core.viewer import as_node, current_viewer

_LOOK_EVERY_S = 0.05
_AT_MOST_S = 60
"""How long a list may differ from its ETag by what no event announces."""


class UnchangedLists:
    """Gives lists an ETag of the newest event, and answers who has seen that one with 304.

    Stands inside of what knows who asks: what one may see is a part of the ETag.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self.app = app
        self._lists: Mapping[str, BaseRoute] = {
            route.path: route
            for router in routers
            for route in router.routes
            if isinstance(route, Route)
            and route.path == router.prefix
            and "GET" in (route.methods or ())
        }
        self._seen = _Seen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._lists.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        # Taken before the list is read: it may be older than the list, never newer.
        etag = _etag(scope, await self._seen.mark(scope["app"].state.storage))
        if etag in _named(Headers(scope=scope).get("if-none-match", "")):
            # Who records requests finds here what was asked for.
            scope["route"] = route
            headers = [(b"etag", etag.encode())]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_tagged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message)["ETag"] = etag
            await send(message)

        await self.app(scope, receive, send_tagged)


class _Seen:
    """What has changed on the node, looked up once for many that ask in the same moment."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._mark = ""
        self._looked_at = 0.0

    async def mark(self, storage: Storage) -> str:
        async with self._lock:
            if not self._mark or time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._mark = await run_in_threadpool(_look, storage)
                self._looked_at = time.monotonic()
            return self._mark


@as_node()
def _look(storage: Storage) -> str:
    """The newest event, and the newest instance: those of a series that arrives make no events."""
    return f"{storage.events.last_id()} {storage.index.receiving()}"


def _named(if_none_match: str) -> list[str]:
    return [tag.strip() for tag in if_none_match.split(",")]


def _etag(scope: Scope, mark: str) -> str:
    minute = int(time.time() // _AT_MOST_S)
    seen = repr((scope["path"], scope["query_string"], current_viewer(), mark, minute))
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:24]}"'
