"""ETags of lists, and 304 for who has seen them as they are (RFC 9110 13.1.2).

That of a list that events announce is known without making the list; that of any other list, and
of any for a caller who sees some studies alone, is a digest of its answer, which spares the bytes
alone.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.container.has import HasDamaged, HasEvents, HasIndex
from storage.core.callers.visibility import as_node, current_visibility
from storage.events.repository import Events
from storage.index.repository import Index
from storage.integrity.repository import DamagedInstances

_LOOK_EVERY_S = 0.05
_AT_MOST_S = 60
"""How long a list may differ from its ETag by what no event announces."""


class UnchangedStorage(HasIndex, HasDamaged, HasEvents, Protocol):
    """What of the storage layer tells whether a study is as it was."""


class UnchangedLists:
    """`announced`: routers whose list never differs without an event, or an instance that arrives.

    Stands inside of what knows who asks: what one may see is a part of the ETag.
    """

    def __init__(
        self, app: ASGIApp, announced: Iterable[APIRouter], all_routers: Iterable[APIRouter]
    ) -> None:
        self.app = app
        self._lists: Mapping[str, BaseRoute] = {
            route.path: route
            for router in announced
            for route in router.routes
            if isinstance(route, Route)
            and route.path == router.prefix
            and "GET" in (route.methods or ())
        }
        self._every = {path for router in all_routers for path in _lists_of(router)}
        self._seen = _Seen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        route = self._lists.get(scope["path"])
        # Of who sees some studies alone, the answer itself: the node's events would tell how busy
        # others are.
        if route is None or current_visibility() is not None:
            await self.app(scope, receive, _Digesting(scope, send, self._every))
            return
        # Taken before the list is read: it may be older than the list, never newer.
        etag = _etag(scope, await self._seen.mark(scope["app"].state.storage))
        if _is_known(etag, scope):
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


def _lists_of(router: APIRouter) -> Iterator[str]:
    """The addresses that answer `items`."""
    for route in router.routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            model = route.response_model
            is_model = isinstance(model, type) and issubclass(model, BaseModel)
            if is_model and "items" in model.model_fields:
                yield route.path


class _Digesting:
    """Sends the answer of a list with the digest of its bytes, or 304 instead of it."""

    def __init__(self, scope: Scope, send: Send, lists: AbstractSet[str]) -> None:
        self._scope, self._send, self._lists = scope, send, lists
        self._begun: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_list(message):
            self._begun = message
            return
        if self._begun is not None:
            begun, self._begun = self._begun, None
            message = self._finished(begun, message)
            await self._send(begun)
        await self._send(message)

    def _is_list(self, begun: Message) -> bool:
        route = self._scope.get("route")
        return begun["status"] == 200 and getattr(route, "path", "") in self._lists

    def _finished(self, begun: Message, body: Message) -> Message:
        """The body as it is to be sent; the beginning of the answer gets what belongs to it."""
        if body.get("more_body"):
            return body
        headers = MutableHeaders(scope=begun)
        etag = f'W/"{hashlib.sha256(body.get("body", b"")).hexdigest()[:24]}"'
        headers.setdefault("ETag", etag)
        if not _is_known(headers["ETag"], self._scope):
            return body
        begun["status"] = 304
        for name in ("content-length", "content-type"):
            del headers[name]
        return {"type": "http.response.body", "body": b""}


class _Seen:
    """What has changed on the node, looked up once for many that ask in the same moment."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._mark = ""
        self._looked_at = 0.0

    async def mark(self, storage: UnchangedStorage) -> str:
        async with self._lock:
            if not self._mark or time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._mark = await run_in_threadpool(
                    _look, storage.events, storage.index, storage.damaged
                )
                self._looked_at = time.monotonic()
            return self._mark


@as_node()
def _look(events: Events, index: Index, damaged: DamagedInstances) -> str:
    """The newest event, and what makes none: instances of a series that arrives, and damage."""
    return f"{events.last_id()} {index.receiving()} {damaged.noted()}"


def _is_known(etag: str, scope: Scope) -> bool:
    """Whether who asks has the answer of that ETag."""
    seen = [tag.strip() for tag in Headers(scope=scope).get("if-none-match", "").split(",")]
    return etag in seen or "*" in seen


def _etag(scope: Scope, mark: str) -> str:
    minute = int(time.time() // _AT_MOST_S)
    seen = repr((scope["path"], scope["query_string"], current_visibility(), mark, minute))
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:24]}"'
