"""How large a body may be, how long it may pause, and that it comes as it is."""

import asyncio
import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiProblem, problem_response
from api.middleware.refusing import refuse
from api.middleware.safe_methods import SAFE_METHODS
from storage.core.untrusted_input.whole_numbers import read_whole_number

_JSON_BODY_MAX_BYTES = 1024 * 1024
_BODY_SILENCE_S = 60.0
# These read their bodies themselves, with limits of their own.
_LARGE_BODIES = frozenset(
    {"/api/analyze", "/api/docqa", "/api/uploads/content", "/api/uploads/parts"}
)
_DICOMWEB = "/dicom-web"
_LABEL_MAPS = re.compile(r"/api/studies/[0-9.]+/segmentations(/[0-9.]+/edits)?")


class BodyLimit:
    """Refuse a body that is larger than any JSON request of ours, or encoded for the way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        encoding = _encoding(scope)
        if encoding:
            await refuse(scope, receive, send, _encoded(encoding))
            return
        if scope["type"] != "http" or _limits_itself(path):
            await self.app(scope, receive, send)
            return
        declared = read_whole_number(Headers(scope=scope).get("content-length", "0"))
        # More digits than a number has are too many bytes, too.
        if declared is None or declared > _JSON_BODY_MAX_BYTES:
            response = problem_response(
                413,
                "limit_exceeded",
                f"The body has more than the {_JSON_BODY_MAX_BYTES} bytes that are allowed here.",
                remedy="Send files to /api/uploads/presign, /api/analyze or /dicom-web/studies.",
                request_id=scope.get("state", {}).get("request_id", ""),
            )
            await response(scope, receive, send)
            return
        await self.app(scope, limited(receive, _JSON_BODY_MAX_BYTES), send)


def _encoding(scope: Scope) -> str:
    """The coding of a body that is not sent as it is, '' where it is."""
    if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
        return ""
    stated = ",".join(Headers(scope=scope).getlist("content-encoding"))
    codings = [one.strip().lower() for one in stated.split(",")]
    return next((one for one in codings if one not in ("", "identity")), "")


def _encoded(encoding: str) -> ApiProblem:
    return ApiProblem(
        415,
        "unsupported_media_type",
        f"The body has the Content-Encoding '{encoding[:20]}', which is not decoded here.",
        remedy="Send it as it is (identity). Compressed pixels have a transfer syntax for it.",
        # RFC 9110 15.5.16: which are taken.
        headers={"Accept-Encoding": "identity"},
    )


def _limits_itself(path: str) -> bool:
    return (
        path in _LARGE_BODIES
        or path.startswith(f"{_DICOMWEB}/")
        or _LABEL_MAPS.fullmatch(path) is not None
    )


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
