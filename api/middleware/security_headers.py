"""Headers that keep a page of ours to itself."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.settings import Settings

POLICY_HEADER = "Content-Security-Policy"
_ABOUT_PATIENTS = ("/api", "/dicom-web", "/fhir")
_TRANSPORT = "max-age=31536000"


class SecurityHeaders:
    """Headers that keep a page of ours to itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        microphone = "()" if settings.browser_dictation == "off" else "(self)"
        self.headers = {
            POLICY_HEADER: content_security_policy(settings),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": f"camera=(), geolocation=(), microphone={microphone}",
        }
        if not settings.frame_ancestors:
            # It knows no list of origins; the policy's frame-ancestors does.
            self.headers["X-Frame-Options"] = "DENY"
        if settings.resolved_public_url.startswith("https://"):
            # Browsers heed it over HTTPS alone (RFC 6797 8.1).
            # Hosts below this one are an operator's to speak for.
            below = "; includeSubDomains" if settings.hsts_subdomains else ""
            self.headers["Strict-Transport-Security"] = _TRANSPORT + below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(_ABOUT_PATIENTS):
                    # They stay out of every cache, whatever the route says: a browser's lies on
                    # the disk of a machine that others use as well.
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_with_headers)


def content_security_policy(settings: Settings, scripts: Iterable[str] = ()) -> str:
    """What a page may load; `scripts` are sources of scripts beside the node's own files."""
    connect = ["'self'", "blob:", "data:"]
    if settings.object_store == "s3":
        # Presigned uploads go from the browser straight to the bucket.
        endpoint = urlsplit(settings.s3_public_endpoint_url or settings.s3_endpoint_url)
        if endpoint.scheme and endpoint.netloc:
            connect.append(f"{endpoint.scheme}://{endpoint.netloc}")
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *scripts)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "font-src 'self' data:",
            f"connect-src {' '.join(connect)}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            " ".join(("frame-ancestors", *(settings.frame_ancestors or ("'none'",)))),
        )
    )
