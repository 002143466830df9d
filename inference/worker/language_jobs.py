"""One question from claim to answer, under the frame that every job has."""

import time
from collections.abc import Callable

import structlog

from inference.failure_sentences import failure
from inference.job_progress import DeadlinePassed, WorkerStopping
from inference.language.answer import Progress
from inference.language.deid import deidentified
from inference.language.documents.answer import answer_document
from inference.language.header_values import header_values
from inference.language.summarize import summarize
from inference.language.visual import answer_question
from inference.model_servers.gate import guarded
from inference.refusals import ModelServerFailed, ModelUnusable
from inference.reports.llm_rephrasing import write_words
from inference.running_jobs import note_storing
from inference.worker.run import run_claimed
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.core.job_result import JobResult
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.outcome import JobOutcome
from storage.language.questions import AnswerRequest
from storage.language.results import NO_PROGRESS, AnswerProgress, AnswerResult
from storage.outbox.leases import Lease, LeaseLost
from storage.settings import Settings

log = structlog.get_logger(__name__)

_OUTSIDE = (StorageFull, StorageUnavailable)


def answer_job(
    storage: Storage, job_id: str, owner: str, stopping: Callable[[], bool]
) -> Job | None:
    """Answer one question and return its job; None where it was not ours to answer."""

    def work(job: Job, lease: Lease) -> JobOutcome:
        return JobOutcome(_answer(storage, job, owner, lease, stopping))

    return run_claimed(
        storage.settings,
        storage.jobs,
        storage.withdrawals,
        job_id,
        owner,
        work,
        kind="answer",
        deadline_s=2 * storage.settings.language_deadline_s,
    )


def _answer(
    storage: Storage, job: Job, owner: str, lease: Lease, stopping: Callable[[], bool]
) -> JobResult:
    asked = storage.answers.get(job.job_id)
    begun = time.monotonic()
    # An attempt that died may have left some.
    storage.answers.progress(job.job_id, NO_PROGRESS)

    def must_stop() -> bool:
        lease.check()
        return stopping()

    def tell(progress: AnswerProgress) -> None:
        if must_stop():
            raise WorkerStopping
        if time.monotonic() - begun > 2 * storage.settings.language_deadline_s:
            raise DeadlinePassed(
                failure("answer_too_slow", limit=f"{storage.settings.language_deadline_s:g}"),
                remedy=failure("ask_less"),
            )
        storage.answers.progress(job.job_id, progress)

    storage.jobs.progress(job.job_id, owner, "answering", 0.1, utcnow())
    try:
        request: AnswerRequest = {
            **asked.request,
            "object_key": asked.object_key,
            "object_digest": job.input_digest,
        }
        with guarded(storage, asked.study_instance_uid):
            result = _WORK[asked.kind](storage, job.job_id, request, Progress(tell, must_stop))
    except (LeaseLost, WorkerStopping):
        raise
    except ModelServerFailed as error:
        storage.answers.failed(job.job_id, error.code, error.message, error.remedy)
        # Somebody waits for the answer: the job is not repeated, as one of a pipeline is.
        raise ModelUnusable(error.message, remedy=error.remedy) from error
    except MediViewError as error:
        if not isinstance(error, _OUTSIDE):
            storage.answers.failed(job.job_id, error.code, error.message, error.remedy)
        raise
    if stopping():
        raise WorkerStopping
    lease.check()
    note_storing()
    storage.answers.answered(job.job_id, result)
    return {"timings_s": {name: round(s, 3) for name, s in result["timings_s"].items()}}


def _deid(
    settings: Settings, index: Index, instances: InstanceReader, request: AnswerRequest
) -> AnswerResult:
    study_uid = request.get("study_instance_uid")
    values = header_values(index, instances, str(study_uid)) if study_uid else {}
    return deidentified(
        settings,
        str(request["text"]),
        values,
        keep_dates=bool(request.get("keep_dates")),
    )


_Work = Callable[[Storage, str, AnswerRequest, Progress], AnswerResult]
_WORK: dict[str, _Work] = {
    "summary": lambda storage, _, asked, tell: summarize(storage, asked, tell).as_json(),
    "vqa": lambda storage, _, asked, tell: answer_question(storage, asked, tell).as_json(),
    "docqa": lambda storage, _, asked, tell: answer_document(storage, asked, tell).as_json(),
    "deid": lambda storage, _, asked, __: _deid(
        storage.settings, storage.index, storage.instances, asked
    ),
    "report": lambda storage, job_id, asked, tell: write_words(
        storage, job_id, asked, tell
    ).as_json(),
}
