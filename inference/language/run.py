"""One question from claim to answer, under the frame that every job has."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from inference.language.answer import Progress
from inference.language.deid import deidentified
from inference.language.documents.answer import answer_document
from inference.language.header_values import header_values
from inference.language.summarize import summarize
from inference.language.visual import answer_question
from inference.lease import Lease, LeaseLost
from inference.run import run_claimed
from inference.work import DeadlinePassed, WorkerStopping
from storage.answers import NO_PROGRESS
from storage.clock import utcnow
from storage.entities import Job
from storage.errors import MediViewError, StorageFull, StorageUnavailable
from storage.opening import Storage

log = structlog.get_logger(__name__)

_OUTSIDE = (StorageFull, StorageUnavailable)


def answer_job(
    storage: Storage, job_id: str, owner: str, stopping: Callable[[], bool]
) -> Job | None:
    """Answer one question and return its job; None where it was not ours to answer."""

    def work(job: Job, lease: Lease) -> dict[str, Any]:
        return _answer(storage, job, owner, lease, stopping)

    return run_claimed(storage, job_id, owner, work)


def _answer(
    storage: Storage, job: Job, owner: str, lease: Lease, stopping: Callable[[], bool]
) -> dict[str, Any]:
    asked = storage.answers.get(job.job_id)
    begun = time.monotonic()
    # An attempt that died may have left some.
    storage.answers.progress(job.job_id, NO_PROGRESS)

    def must_stop() -> bool:
        lease.check()
        return stopping()

    def tell(progress: dict[str, Any]) -> None:
        if must_stop():
            raise WorkerStopping
        if time.monotonic() - begun > 2 * storage.settings.language_deadline_s:
            raise DeadlinePassed(
                f"The answer took longer than {storage.settings.language_deadline_s:g} s.",
                remedy="Ask less at a time, or raise MEDIVIEW_LANGUAGE_DEADLINE_S.",
            )
        storage.answers.progress(job.job_id, progress)

    storage.jobs.progress(job.job_id, owner, "answering", 0.1, utcnow())
    try:
        request = {**asked.request, "object_key": asked.object_key}
        result = _WORK[asked.kind](storage, request, Progress(tell, must_stop))
    except (LeaseLost, WorkerStopping):
        raise
    except MediViewError as error:
        if not isinstance(error, _OUTSIDE):
            storage.answers.failed(job.job_id, error.code, error.message, error.remedy)
        raise
    if stopping():
        raise WorkerStopping
    lease.check()
    storage.answers.answered(job.job_id, result)
    return {"timings_s": {name: round(s, 3) for name, s in result["timings_s"].items()}}


def _summary(storage: Storage, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return summarize(storage, request, progress).as_json()


def _vqa(storage: Storage, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return answer_question(storage, request, progress).as_json()


def _docqa(storage: Storage, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return answer_document(storage, request, progress).as_json()


def _deid(storage: Storage, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    study_uid = request.get("study_instance_uid")
    values = header_values(storage, str(study_uid)) if study_uid else {}
    return deidentified(
        storage.settings,
        str(request["text"]),
        values,
        keep_dates=bool(request.get("keep_dates")),
    )


_WORK: dict[str, Callable[[Storage, Mapping[str, Any], Progress], dict[str, Any]]] = {
    "summary": _summary,
    "vqa": _vqa,
    "docqa": _docqa,
    "deid": _deid,
}
