"""Answers that were waited for elsewhere: read, and followed sentence by sentence."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.access.limits.event_stream import EventStream
from api.access.policy import READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import Audited
from api.deps import StoppingDep, StorageDep
from api.errors import ApiProblem
from api.language.language_jobs import ended, started
from api.language.routes import LATER
from api.language.schemas import AnswerPayload
from api.parameters import JobId, binary, problems
from api.router_factory import new_router
from inference.language.documents.answer import document_of
from inference.language.documents.picture import page_picture
from storage.audit import Code
from storage.core.entities import ENDED_STATES, Job
from storage.core.errors import NotFound
from storage.jobs.repository import Jobs
from storage.language.repository import Answers, Asked, no_such_answer

router = new_router(prefix="/api/answers", tags=["language"])

_LOOK_EVERY_S = 0.15
_KEEP_ALIVE_S = 15.0
_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/{job_id}",
    summary="One answer",
    response_model=AnswerPayload,
    responses={**LATER, **problems(404, 413, 422, 503)},
)
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def get_answer(
    request: Request, storage: StorageDep, principal: PrincipalDep, job_id: JobId
) -> AnswerPayload | JSONResponse:
    """The answer; 202 while it is being worked out; the problem where there is none.

    For who asked, and for administrators.
    """
    job, asked = _read(storage.jobs, storage.answers, job_id)
    _check_may_read(principal, asked)
    _name(request, asked)
    if job.state in ENDED_STATES:
        return ended(job, asked)
    return started(job, asked)


@router.get(
    "/{job_id}/events",
    summary="One answer, as it is written",
    response_class=StreamingResponse,
    responses={**_EVENT_STREAM, **problems(404)},
)
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
async def follow_answer(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    stopping: StoppingDep,
    job_id: JobId,
) -> EventStream:
    """Events `sentence` and `withheld`, each once it is checked; `tokens` says how many the model
    has written; `answer` or `problem` ends the stream.

    A word that is not checked is never sent: it would be read. Who connects again hears all.
    """
    _, asked = await run_in_threadpool(_read, storage.jobs, storage.answers, job_id)
    _check_may_read(principal, asked)
    _name(request, asked)
    return EventStream(_events(storage.jobs, storage.answers, job_id, stopping))


@router.get(
    "/{job_id}/pages/{page_number}",
    summary="A page of the document that was asked about",
    response_class=Response,
    responses={**binary("image/png"), **problems(404, 413, 422)},
)
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def get_answer_page(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    job_id: JobId,
    page_number: Annotated[int, Path(ge=1, le=100_000, description="From 1.")],
) -> Response:
    """As a picture: the boxes of the answer's passages are parts of its width and height."""
    asked = storage.answers.get(job_id)
    _check_may_read(principal, asked)
    _name(request, asked)
    if asked.kind != "docqa":
        raise NotFound(
            "The question was about no document.", remedy="Ask for pages of /api/docqa alone."
        )
    document = document_of(
        storage.index,
        storage.instances,
        storage.objects,
        {
            **asked.request,
            "object_key": asked.object_key,
            "object_digest": storage.jobs.get(job_id).input_digest,
        },
    )
    return Response(page_picture(document, page_number), media_type="image/png")


async def _events(
    jobs: Jobs, answers: Answers, job_id: str, stopping: Callable[[], bool]
) -> AsyncIterator[str]:
    sent = {"sentence": 0, "withheld": 0}
    tokens = 0
    sent_at = time.monotonic()
    while not stopping():
        try:
            job, asked = await run_in_threadpool(_read, jobs, answers, job_id)
        except NotFound:
            return
        messages = []
        for event, parts in (
            ("sentence", asked.progress["sentences"]),
            ("withheld", asked.progress["withheld"]),
        ):
            messages += [_message(event, one) for one in parts[sent[event] :]]
            sent[event] = max(sent[event], len(parts))
        if asked.progress["tokens"] != tokens:
            tokens = asked.progress["tokens"]
            messages.append(_message("tokens", {"tokens": tokens}))
        if job.state in ENDED_STATES:
            messages.append(_last(job, asked))
        if not messages and time.monotonic() - sent_at >= _KEEP_ALIVE_S:
            messages.append(": still here\n\n")
        if messages:
            sent_at = time.monotonic()
            yield "".join(messages)
        if job.state in ENDED_STATES:
            return
        await asyncio.sleep(_LOOK_EVERY_S)


def _last(job: Job, asked: Asked) -> str:
    try:
        return _message("answer", ended(job, asked).model_dump(mode="json"))
    except ApiProblem as problem:
        return _message(
            "problem",
            {"code": problem.code, "detail": problem.detail, "remedy": problem.remedy},
        )


def _read(jobs: Jobs, answers: Answers, job_id: str) -> tuple[Job, Asked]:
    asked_job = jobs.get(job_id)
    return asked_job, answers.get(job_id)


def _check_may_read(principal: Principal, asked: Asked) -> None:
    """Raises NotFound, which tells nothing of what others ask.

    A text or a document that somebody brought along need not be of any study here.
    """
    if asked.asked_by_id in ("", principal.identity.id) or principal.is_administrator:
        return
    raise no_such_answer()


def _name(request: Request, asked: Asked) -> None:
    if asked.study_instance_uid:
        name_studies(request, asked.study_instance_uid)


def _message(event: str, data: Mapping[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
