"""Answers of the worklist service: the standard's Warning beside our problem."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from api.dicomweb.lookups import service_url
from api.errors import problem_response
from api.request_rules.warning_header import warning_of
from storage.settings import Settings
from storage.ups.refusals import WorkitemRefused


def warning(request: Request, settings: Settings, sentence: str) -> str:
    """A Warning as PS3.18 chapter 11 words it."""
    return warning_of(service_url(request, settings), sentence)


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=headers)


def install_workitem_errors(app: FastAPI) -> None:
    """Make a refusal of a workitem's state a problem with the standard's Warning."""
    app.add_exception_handler(WorkitemRefused, _refused)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, WorkitemRefused):
        raise error
    return problem_response(
        error.status,
        error.code,
        error.message,
        title="The state of the workitem does not allow it",
        remedy=error.remedy,
        request_id=str(request.scope.get("state", {}).get("request_id", "")),
        headers={"Warning": warning(request, request.app.state.storage.settings, error.complaint)},
    )
