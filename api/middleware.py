"""Around every request: its id, the access log, security headers, who may ask, how much.

Pure ASGI, so that live streams and large bodies pass through unbuffered.
"""

import asyncio
import re
import time
import uuid
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from api.logs import places
from api.metrics import Metrics
from storage.settings import Settings

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_JSON_BODY_MAX_BYTES = 1024 * 1024
_BODY_SILENCE_S = 60.0
# These read their bodies themselves, with limits of their own.
_LARGE_BODIES = frozenset({"/api/analyze", "/api/uploads/content"})
_DICOMWEB = "/dicom-web"


def route_template(scope: Scope) -> str:
    """The route's path with its parameters unfilled; never an identifier."""
    template = getattr(scope.get("route"), "path", None)
    is_dicomweb = scope["path"].startswith(_DICOMWEB)
    if isinstance(template, str) and template:
        # A route of an included router may know its path without the router's prefix.
        return f"{_DICOMWEB}{template}" if is_dicomweb and _DICOMWEB not in template else template
    return "(unmatched)" if is_dicomweb or scope["path"].startswith("/api") else "(viewer)"


class RequestContext:
    """Give each request an id, log it without its query, answer what nothing else caught."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            except Exception as error:
                # The edge of a request. The message may hold values of a data set or a
                # statement, so only the kind and the places are written down.
                log.error("request_failed", error=type(error).__name__, at=places(error))
                if status:
                    raise
                response = problem_response(
                    500,
                    "internal",
                    "The node failed at this request; the fault is not yours.",
                    remedy="Give an administrator the request id: the log tells more under it.",
                    request_id=request_id,
                )
                await response(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - started
                template = route_template(scope)
                self.metrics.request_done(scope["method"], template, status, seconds)
                log.info(
                    "http_request",
                    method=scope["method"],
                    route=template,
                    status=status,
                    duration_ms=round(seconds * 1000, 1),
                )


class SecurityHeaders:
    """Headers that keep a page of ours to itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.headers = {
            "Content-Security-Policy": content_security_policy(settings),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api"):
                    # Answers about patients stay out of every cache.
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


def content_security_policy(settings: Settings) -> str:
    """What a page may load. Reading a SEG in the viewer needs 'unsafe-eval' (ndarray)."""
    connect = ["'self'", "blob:", "data:"]
    if settings.object_store == "s3":
        # Presigned uploads go from the browser straight to the bucket.
        endpoint = urlsplit(settings.s3_public_endpoint_url or settings.s3_endpoint_url)
        if endpoint.scheme and endpoint.netloc:
            connect.append(f"{endpoint.scheme}://{endpoint.netloc}")
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "font-src 'self' data:",
            f"connect-src {' '.join(connect)}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class OriginGuard:
    """Keep other web sites from using a visitor's browser against this node.

    There is no sign-in yet, so the browser's own word is what tells them apart:
    a foreign Host means a rebound name, a foreign Origin a request of another page.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.check_host = not settings.trusted_network
        public = urlsplit(settings.resolved_public_url).hostname or ""
        self.hosts = _LOOPBACK_NAMES | {public.lower(), settings.http_host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else ""
        if not refusal:
            await self.app(scope, receive, send)
            return
        response = problem_response(
            403,
            "foreign_origin",
            refusal,
            remedy="Use the node's own address, or set MEDIVIEW_PUBLIC_URL to the one"
            " that browsers use.",
            request_id=scope.get("state", {}).get("request_id", ""),
        )
        await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host = _hostname(f"//{headers.get('host', '')}")
        if self.check_host and host not in self.hosts:
            return "The request names a host that is not this node."
        origin = headers.get("origin", "")
        if scope["method"] in _SAFE_METHODS or not origin:
            return ""
        if _hostname(origin) not in self.hosts | {host}:
            return "The request comes from a page of another site."
        return ""


class BodyLimit:
    """Refuse a body that is larger than any JSON request of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in _LARGE_BODIES or path.startswith(f"{_DICOMWEB}/"):
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > _JSON_BODY_MAX_BYTES:
            response = problem_response(
                413,
                "limit_exceeded",
                f"The body has {declared} bytes; {_JSON_BODY_MAX_BYTES} are allowed here.",
                remedy="Send files to /api/uploads/presign, /api/analyze or /dicom-web/studies.",
                request_id=scope.get("state", {}).get("request_id", ""),
            )
            await response(scope, receive, send)
            return
        await self.app(scope, limited(receive, _JSON_BODY_MAX_BYTES), send)


def limited(receive: Receive, max_bytes: int) -> Receive:
    """A `receive` that raises 413 once more than `max_bytes` of body came, and 408 on silence."""
    received = 0
    whole = False

    async def receive_counted() -> Message:
        nonlocal received, whole
        if whole:
            # What follows a body is the wait for the client to leave; that may last.
            return await receive()
        try:
            async with asyncio.timeout(_BODY_SILENCE_S):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(
                408, f"The body paused for more than {_BODY_SILENCE_S:.0f} seconds."
            ) from error
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > max_bytes:
                raise HTTPException(413, f"The body has more than {max_bytes} bytes.")
        return message

    return receive_counted


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
