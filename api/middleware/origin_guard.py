"""Keep other web sites away: who the browser says it is, and where it says it comes from."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import ApiProblem
from api.middleware.refusing import refuse
from api.middleware.safe_methods import SAFE_METHODS
from storage.settings import Settings

_PORTS = {"http": 80, "https": 443}
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class OriginGuard:
    """Keep other web sites from using a visitor's browser against this node.

    The browser's own word tells them apart: a foreign Origin is a request of another
    page, web sockets included. A page of another port is another site: anybody on a
    machine may listen there, and cookies do not tell ports apart (RFC 6265 8.5).
    Without sign-in a foreign Host matters too: it means a rebound name. With sign-in
    such a page has no cookie of this node.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.check_host = settings.auth == "none"
        public = urlsplit(settings.resolved_public_url).hostname or ""
        own = _origin(settings.resolved_public_url)
        self.origins = frozenset(_origin(one) for one in (own, *settings.cors_origins))
        self.hosts = _LOOPBACK_NAMES | {public.lower(), settings.http_host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else ""
        if not refusal:
            await self.app(scope, receive, send)
            return
        problem = ApiProblem(
            403,
            "foreign_origin",
            refusal,
            remedy="Use the node's own address, or set MEDIVIEW_PUBLIC_URL to the one"
            " that browsers use.",
        )
        await refuse(scope, receive, send, problem)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host = _hostname(f"//{headers.get('host', '')}")
        if self.check_host and host not in self.hosts:
            return "The request names a host that is not this node."
        origin = headers.get("origin", "")
        if scope.get("method") in SAFE_METHODS or not origin:
            return ""
        # Behind a proxy that ends TLS only the page knows its scheme; the port goes by that.
        scheme = origin.partition("://")[0]
        if _origin(origin) in self.origins | {_origin(f"{scheme}://{headers.get('host', '')}")}:
            return ""
        return "The request comes from a page of another site."


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _origin(url: str) -> str:
    """Scheme, host and port (RFC 6454 4); what is none stays as it is, and equals none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        return f"{parts.scheme}://{parts.hostname or ''}:{port}".lower()
    except (ValueError, KeyError):
        return f"no origin: {url}"
