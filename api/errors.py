"""Errors as problem details: one place turns a cause into HTTP (RFC 9457).

Every problem carries `code` for programs, `detail` and `remedy` for people, and
the request's id. Nothing of a stack trace, a query or a patient is in it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from api.request_rules.mismatches import mismatches
from api.versioned import versioned_text
from dicom_node.peers import PeerFailed
from inference.model_registry.status import ModelBlocked
from inference.refusals import ModelUnusable
from storage.core import errors
from storage.core.text.outside_text import text_from_outside
from storage.db.driver_errors import is_data_refused

PROBLEM_JSON = "application/problem+json"
MISMATCH_TITLE = "The request does not match the API description"
_MOST_OF_A_TEXT = 2000

_STATUS_OF: dict[type[errors.MediViewError], int] = {
    errors.InvalidInstance: 422,
    errors.InvalidRequest: 400,
    errors.LimitExceeded: 413,
    errors.TooManyRequests: 429,
    errors.UidConflict: 409,
    errors.NotPermitted: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.SharedViewOver: 410,
    errors.VersionConflict: 412,
    errors.StateConflict: 409,
    errors.SessionOver: 409,
    errors.NotConfigured: 503,
    errors.StorageFull: 507,
    errors.StorageUnavailable: 503,
    # Waiting does not help, and nothing is wrong with the request.
    errors.InstanceDamaged: 500,
    PeerFailed: 502,
    ModelUnusable: 422,
    ModelBlocked: 409,
}
_TITLE_OF = {
    "invalid_instance": "Not a valid DICOM instance",
    "invalid_request": "Invalid request",
    "limit_exceeded": "Limit exceeded",
    "uid_conflict": "The UID is already in use",
    "not_permitted": "Not permitted",
    "not_found": "Not found",
    "gone": "Deleted",
    "shared_view_over": "The link has expired or was revoked",
    "version_conflict": "Changed in the meantime",
    "state_conflict": "Not allowed in this state",
    "session_over": "The session is over",
    "not_configured": "Not configured",
    "peer_failed": "The other system cannot be asked just now",
    "peer_lacks_service": "The other system does not offer what is needed",
    "peer_did_not_answer": "The other system did not answer",
    "model_unusable": "The model cannot be used on this node",
    "model_held": "Not allowed in the state of this model",
    "storage_full": "Too little free disk space",
    "storage_unavailable": "The storage is temporarily unavailable",
    "index_damaged": "The index is damaged",
    "instance_damaged": "The stored instance is damaged or lost",
}
# Sent only where waiting alone may help.
_RETRY_AFTER_S = {"storage_full": "60", "storage_unavailable": "5", "too_many_requests": "5"}

# Phrases of newer Pythons differ from older ones; these codes stay.
_HTTP_CODE = {404: "not_found", 405: "method_not_allowed", 413: "limit_exceeded"}
_HTTP_REMEDY = {
    401: "Sign in, or send a key.",
    403: "Ask an administrator for the right.",
    406: "Accept one of the media types that the description has.",
    411: "State the length of the body.",
    414: "Make the address shorter.",
    415: "Send one of the media types that the description has.",
    400: "Correct the form; send many instances as one ZIP archive.",
    408: "Send the body without long pauses.",
    404: "Check the address; /api/openapi.json lists what there is.",
    405: "Use a method that the Allow header names.",
    413: "Send less at a time.",
    429: "Wait a moment, and try again.",
}


class ApiProblem(Exception):
    """A refusal that only HTTP knows.

    `extra` adds members to the problem, `headers` to the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str = "",
        remedy: str = "",
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.remedy = remedy
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    title: str = "",
    remedy: str = "",
    request_id: str = "",
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem as an answer."""
    content: dict[str, Any] = {
        "type": "about:blank" if not code else f"urn:mediview:problem:{code}",
        "title": _short(title or HTTPStatus(status).phrase),
        "status": status,
        "detail": _short(versioned_text(detail)),
        "code": code,
        "remedy": _short(versioned_text(remedy)),
        "request_id": request_id,
        **_short(dict(extra or {})),
    }
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM_JSON)


def _short(value: Any) -> Any:
    """With every text clean and cut: a sentence may repeat what was sent, or what another system
    answered."""
    if isinstance(value, str):
        return text_from_outside(value, _MOST_OF_A_TEXT, lines=True)
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list) else value


def status_of(error: errors.MediViewError) -> int:
    """The HTTP status of a cause; an unknown one is ours to answer for."""
    for cause in type(error).__mro__:
        if cause in _STATUS_OF:
            return _STATUS_OF[cause]
    return 500


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of every route a problem."""
    app.add_exception_handler(errors.MediViewError, _mediview_error)
    app.add_exception_handler(ApiProblem, _api_problem)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(OperationalError, _database_error)
    app.add_exception_handler(DataError, _database_error)


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


async def _mediview_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.MediViewError):
        raise error
    retry_after = _RETRY_AFTER_S.get(error.code)
    return problem_response(
        status_of(error),
        error.code,
        error.message,
        title=_TITLE_OF.get(error.code, ""),
        remedy=error.remedy or _remedy_of(status_of(error)),
        request_id=_request_id(request),
        headers={"Retry-After": retry_after} if retry_after else None,
    )


async def _api_problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ApiProblem):
        raise error
    return problem_response(
        error.status,
        error.code,
        error.detail,
        title=error.title,
        remedy=error.remedy or _remedy_of(error.status),
        request_id=_request_id(request),
        extra=error.extra,
        headers=error.headers,
    )


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = mismatches(request, error)
    first = wrong[0] if wrong else {"where": "the request", "what": "is not valid"}
    return problem_response(
        # PS3.18 8.5 knows 400 for it.
        400 if request.url.path.startswith("/dicom-web/") else 422,
        "validation_failed",
        f"{first['where']}: {first['what']}.",
        title=MISMATCH_TITLE,
        remedy="Correct what 'errors' lists; /api/openapi.json describes every request.",
        request_id=_request_id(request),
        extra={"errors": wrong},
    )


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else _detail_of(error.status_code, phrase)
    return problem_response(
        error.status_code,
        _HTTP_CODE.get(error.status_code, phrase.lower().replace(" ", "_").replace("-", "_")),
        detail,
        remedy=_HTTP_REMEDY.get(error.status_code) or _remedy_of(error.status_code),
        request_id=_request_id(request),
        headers=error.headers,
    )


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    # The driver's own words can carry the statement's values: they are not repeated.
    if is_data_refused(error):
        return problem_response(
            400,
            "invalid_request",
            "The database does not take a value of the request.",
            title=_TITLE_OF["invalid_request"],
            remedy="Shorten it, and leave NUL characters (%00) out.",
            request_id=_request_id(request),
        )
    return problem_response(
        503,
        "storage_unavailable",
        "The database does not answer.",
        title=_TITLE_OF["storage_unavailable"],
        remedy="Try again in a moment; `mediview doctor` tells an administrator more.",
        request_id=_request_id(request),
        headers={"Retry-After": _RETRY_AFTER_S["storage_unavailable"]},
    )


def _remedy_of(status: int) -> str:
    """For a cause that names none of its own."""
    if status == 404:
        return "Check what the request names."
    if status in (400, 422):
        return "Correct the request."
    if status in _HTTP_REMEDY:
        return _HTTP_REMEDY[status]
    if status in (502, 504):
        return "Check the other system, and try again later."
    if status >= 500:
        return "Try again later; an administrator finds the cause in the log by request_id."
    return "Read the present state first."


def _detail_of(status: int, phrase: str) -> str:
    if status == 404:
        return "Nothing is served at this address."
    if status == 405:
        return "This address does not know that method."
    return f"{phrase}."
