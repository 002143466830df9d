"""Let the pages of named origins use the node from a browser (Fetch standard, CORS protocol)."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from storage.settings import Settings

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "X-Request-ID",
)
_ANSWER_HEADERS = (
    "Content-Location",
    "Content-Range",
    "ETag",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Warning",
    "X-Request-ID",
)


class CrossOrigin(CORSMiddleware):
    """MEDIVIEW_CORS_ORIGINS is the list of who may; without it nobody may.

    Such pages bring a token of their own in Authorization: the cookies of people
    who are signed in here are never sent for them.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            allow_credentials=False,
            # A page on the internet that was named may reach a node in the hospital's network.
            allow_private_network=True,
        )
