"""A slash at the end of an address changes nothing: clients write both, and none follows a
redirect with a body in hand."""

from starlette.types import ASGIApp, Receive, Scope, Send

_SERVICES = ("/api/", "/dicom-web/", "/fhir/")


class TrailingSlash:
    """Takes it off below the services. The viewer's pages are folders, and keep theirs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/"):
            path = scope["path"].rstrip("/")
            if scope["path"].startswith(_SERVICES) and f"{path}/" not in _SERVICES:
                raw = scope.get("raw_path")
                scope = {**scope, "path": path}
                if raw:
                    before, mark, query = raw.partition(b"?")
                    scope["raw_path"] = before.rstrip(b"/") + mark + query
        await self.app(scope, receive, send)
