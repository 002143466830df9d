"""HEAD wherever GET is answered, and the methods that a 405 names (RFC 9110 9.3.2, 15.5.6)."""

from collections.abc import Callable, Iterable

from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAnswered(Exception):
    """Ends the making of a body that nobody will get."""


class HeadAsGet:
    """Answers HEAD by what answers GET, without its body, which then is not made either."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        # uvicorn keeps its own, by which it knows that no body follows.
        asked = {**scope, "method": "GET"}

        async def send_head(message: Message) -> None:
            await send(message)
            # A refusal is short, made already, and written again by others around this one;
            # the server itself leaves the body of a HEAD out.
            if message["type"] == "http.response.start" and message["status"] < 400:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise HeadAnswered

        try:
            await self.app(asked, receive, send_head)
        except* HeadAnswered:
            pass
        finally:
            # What was learnt of the route and the studies belongs to the request itself.
            scope.update({**asked, "method": "HEAD"})


class AllowedMethods:
    """Makes the Allow header of a 405 name every method that the address answers."""

    def __init__(self, app: ASGIApp, routes: Callable[[], Iterable[BaseRoute]]) -> None:
        self.app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_allow(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                allowed = self._methods(scope)
                if allowed:
                    MutableHeaders(scope=message)["Allow"] = ", ".join(allowed)
            await send(message)

        await self.app(scope, receive, send_allow)

    def _methods(self, scope: Scope) -> list[str]:
        methods: set[str] = set()
        for route in self._routes():
            found, _ = route.matches(scope)
            if found is not Match.NONE:
                methods |= set(getattr(route, "methods", None) or ())
        return with_head(methods)


def with_head(methods: Iterable[str]) -> list[str]:
    """The methods, with HEAD where GET is among them, in one order."""
    named = set(methods)
    return sorted(named | {"HEAD"} if "GET" in named else named)
