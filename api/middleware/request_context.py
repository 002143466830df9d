"""The id of each request, its line in the log, and the answer to what nothing else caught."""

import re
import time
import uuid
from typing import Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from api.logs import places
from api.middleware.cut_answers import is_cut
from api.middleware.safe_methods import SAFE_METHODS
from storage.core.callers.long_work import BEGIN_LONG_WORK, SharedTurn
from storage.core.callers.request_context import serving

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DICOMWEB = "/dicom-web"
CLIENT_LEFT = 499
"""In the log and in metrics alone, as nginx and others write it: nobody was there to answer."""


def route_template(scope: Scope) -> str:
    """The route's path with its parameters unfilled; never an identifier."""
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str) and template:
        return template
    return "(unmatched)" if scope["path"].startswith(("/api", _DICOMWEB)) else "(viewer)"


class RequestMetrics(Protocol):
    """Counts what was answered (`api.server.metrics`)."""

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None: ...


class RequestContext:
    """Give each request an id, log it without its query, answer what nothing else caught."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics
        self._turn = SharedTurn()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        is_whole = scope["method"] in SAFE_METHODS
        has_left = False

        async def receive_noting() -> Message:
            """Whether the client leaves while its body is read, whatever the route makes of it."""
            nonlocal is_whole, has_left
            message = await receive()
            if message["type"] == "http.disconnect":
                has_left = has_left or not (is_whole or status)
            elif not message.get("more_body", False):
                is_whole = True
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        started = time.perf_counter()
        BEGIN_LONG_WORK.set(self._turn.begin)
        with serving(request_id):
            try:
                await self.app(scope, receive_noting, send_with_id)
            except ClientDisconnect:
                if status:
                    raise
                has_left = True
            except Exception as error:
                if status and is_cut(scope, error):
                    return
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
                if has_left:
                    status = CLIENT_LEFT
                self.metrics.request_done(scope["method"], template, status, seconds)
                log.info(
                    "http_request",
                    method=scope["method"],
                    route=template,
                    status=status,
                    duration_ms=round(seconds * 1000, 1),
                )
