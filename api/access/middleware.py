"""Let in those who belong, and tell every route who asks."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.principal import LOCAL
from storage.settings import Settings


class AccessControl:
    """Sets `scope["state"]["principal"]` before any route, websockets too."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope.setdefault("state", {})["principal"] = LOCAL
        await self.app(scope, receive, send)
