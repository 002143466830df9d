"""Put a question to the language worker, and wait for it as long as the asker likes.

The API process holds no model. What short work takes is waited for; a longer answer is 202
with the job, which goes on.
"""

import asyncio
import re
import time
from collections.abc import Callable

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.errors import ApiProblem
from api.language.schemas import AnswerPayload, AnswerStarted
from api.versioned import versioned
from inference.broker.notify import wake_language
from storage.core.entities import ENDED_STATES, Job
from storage.jobs.repository import Jobs
from storage.language.repository import Answers, Asked
from storage.language.results import text_of
from storage.settings import Settings

VERSION = "1.0.0"
"""Of the answers: it is in their jobs."""

_LOOK_EVERY_S = 0.05
_SLOWER = 1.3
_SLOWEST_S = 0.5
_STATUS = {
    "not_configured": 503,
    "model_unusable": 503,
    "deadline_passed": 503,
    "invalid_request": 422,
    "limit_exceeded": 413,
    "not_found": 404,
}


async def answered(
    request: Request,
    settings: Settings,
    jobs: Jobs,
    answers: Answers,
    job: Job,
    stopping: Callable[[], bool],
) -> AnswerPayload | JSONResponse:
    """The answer, or with 202 its job. Raises ApiProblem where there will be none.

    `Prefer: respond-async` asks for the job at once, `Prefer: wait=5` for five seconds at most
    (RFC 7240).
    """
    await run_in_threadpool(wake_language, settings)
    current, asked = await waited(request, settings, jobs, answers, job.job_id, stopping)
    return ended(current, asked) if current.state in ENDED_STATES else started(current, asked)


async def waited(
    request: Request,
    settings: Settings,
    jobs: Jobs,
    answers: Answers,
    job_id: str,
    stopping: Callable[[], bool],
) -> tuple[Job, Asked]:
    """The job and its answer, ended, or as they are when the asker's patience is."""
    deadline = time.monotonic() + _patience_s(request, settings.language_wait_s)
    pause_s = _LOOK_EVERY_S
    while True:
        current, asked = await run_in_threadpool(_look, jobs, answers, job_id)
        if current.state in ENDED_STATES or stopping() or time.monotonic() >= deadline:
            return current, asked
        if await request.is_disconnected():
            return current, asked
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * _SLOWER, _SLOWEST_S)


def ended(job: Job, asked: Asked) -> AnswerPayload:
    """The answer of a job that has ended. Raises ApiProblem where it ended without one."""
    if asked.result is not None and job.state == "COMPLETED":
        return AnswerPayload.model_validate(
            {
                **asked.result,
                "text": text_of(asked.result),
                "job_id": job.job_id,
                "asked_at": asked.created_at,
            }
        )
    error = asked.error or {"code": "answer_failed", "detail": job.reason, "remedy": ""}
    raise ApiProblem(
        _STATUS.get(error["code"], 503),
        error["code"],
        error["detail"] or "There is no answer.",
        title="The question has no answer",
        remedy=error["remedy"] or "Ask again.",
        extra={"job_id": job.job_id},
    )


def started(job: Job, asked: Asked) -> JSONResponse:
    """202 with where the answer will be."""
    payload = AnswerStarted.model_validate(
        {
            "job_id": job.job_id,
            "kind": asked.kind,
            "state": job.status,
            "reason": job.reason,
            **addresses(job.job_id),
        }
    )
    return JSONResponse(
        payload.model_dump(mode="json"), 202, headers={"Location": payload.answer_url}
    )


def addresses(job_id: str) -> dict[str, str]:
    """Where an answer will be, and where its sentences are sent as they come."""
    return {
        "answer_url": versioned(f"/api/answers/{job_id}"),
        "events_url": versioned(f"/api/answers/{job_id}/events"),
    }


def _look(jobs: Jobs, answers: Answers, job_id: str) -> tuple[Job, Asked]:
    # The job last: what it says has ended is in the answer already.
    job = jobs.get(job_id)
    return job, answers.get(job_id)


def _patience_s(request: Request, most_s: float) -> float:
    wanted = request.headers.get("prefer", "").lower()
    if "respond-async" in wanted:
        return 0.0
    match = re.search(r"\bwait=(\d{1,4})\b", wanted)
    return min(float(match.group(1)), most_s) if match else most_s
