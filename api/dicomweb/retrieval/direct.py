"""The shortest way to the DICOMweb routes that viewers ask by the thousand.

FastAPI tries its routes one after another and solves their dependencies for each
request, which costs more than a frame does. What is asked by GET or POST and takes
nothing but its path, the request and the storage is found here by a look at
the path's segments. All else goes the ordinary way, and so does
every request when a route is none of those.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from api.deps import get_storage
from api.dicomweb.deps import StorageDep
from api.dicomweb.lookups import PREFIX
from api.dicomweb.query_names import check_query, warn_of_ignored

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class _Direct:
    method: str
    route: APIRoute
    endpoint: Callable[..., Any]
    is_coroutine: bool
    literals: tuple[tuple[int, str], ...]
    parameters: tuple[tuple[int, str], ...]

    def fits(self, segments: list[str]) -> bool:
        return all(segments[position] == text for position, text in self.literals)


class DirectRoutes:
    """Answers those routes of `routers` that it can, and leaves the rest to `app`.

    Access has been decided before: it stands outside of the router, for every path.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self.app = app
        self._found: dict[tuple[str, int], list[_Direct]] = {}
        for router in routers:
            for route in router.routes:
                direct = _direct(route) if isinstance(route, APIRoute) else None
                if direct is not None:
                    length = len(direct.literals) + len(direct.parameters)
                    self._found.setdefault((direct.method, length), []).append(direct)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        segments = path[len(PREFIX) + 1 :].split("/")
        direct = self._find(scope["method"], path, segments)
        if direct is None:
            await self.app(scope, receive, send)
            return
        values = {name: segments[position] for position, name in direct.parameters}
        scope["route"], scope["endpoint"] = direct.route, direct.endpoint
        scope["path_params"] = values
        request = Request(scope, receive, send)
        check_query(request, direct.endpoint)
        storage = get_storage(request)
        arguments = {**values, "request": request, "storage": storage}
        if direct.is_coroutine:
            response = await direct.endpoint(**arguments)
        else:
            response = await run_in_threadpool(direct.endpoint, **arguments)
        warn_of_ignored(request, storage.settings, response)
        await response(scope, receive, send)

    def _find(self, method: str, path: str, segments: list[str]) -> _Direct | None:
        if not path.startswith(f"{PREFIX}/") or not all(segments):
            return None
        candidates = self._found.get((method, len(segments)), ())
        return next((one for one in candidates if one.fits(segments)), None)


def _direct(route: APIRoute) -> _Direct | None:
    """The route, if a call with its path's values, the request and the storage is all of it."""
    if route.methods not in ({"GET"}, {"POST"}) or route.dependencies:
        return None
    literals: list[tuple[int, str]] = []
    parameters: list[tuple[int, str]] = []
    for position, segment in enumerate(route.path.removeprefix(PREFIX).strip("/").split("/")):
        found = _PARAMETER.fullmatch(segment)
        if found:
            parameters.append((position, found[1]))
        elif "{" in segment:
            return None
        else:
            literals.append((position, segment))
    taken = inspect.signature(route.endpoint).parameters
    if set(taken) != {name for _, name in parameters} | {"request", "storage"}:
        return None
    if taken["storage"].annotation != StorageDep:
        return None
    (method,) = route.methods
    return _Direct(
        method,
        route,
        route.endpoint,
        inspect.iscoroutinefunction(route.endpoint),
        tuple(literals),
        tuple(parameters),
    )
