"""Jobs whose process had to be ended: their rows get the reason.

They are not tried again, but for those that a process without the memory of earlier jobs may do.
"""

import threading
import time

import structlog

from inference.failure_sentences import failure
from inference.job_progress import DeadlinePassed
from inference.language.tasks import TASKS, TaskName, is_configured, model_ref
from inference.running_jobs import Running
from inference.worker.process import Process
from storage.core.clock import utcnow
from storage.core.errors import LimitExceeded, MediViewError, NotFound
from storage.jobs.repository import Jobs
from storage.language.repository import Answers
from storage.model_registry.shadow_runs import ShadowRuns
from storage.settings import Settings

log = structlog.get_logger(__name__)

_AGAIN_S = 2.0


def note_ended(process: Process) -> None:
    """Raises StorageUnavailable, and what is left is noted by a later call."""
    table = process.running
    for index, ended in [] if table is None else list(table.entries()):
        if ended.ended_because and table is not None:
            _note(
                process.storage.settings,
                process.storage.jobs,
                process.storage.shadow_runs,
                process.storage.answers,
                ended,
            )
            table.remove(index, ended)


def start_noting(process: Process) -> None:
    """In a process that takes the place of one that was ended: once the database answers."""
    if process.running is not None and any(
        one.ended_because for _, one in process.running.entries()
    ):
        threading.Thread(
            target=_until_noted, args=(process,), name="ended-jobs", daemon=True
        ).start()


def _until_noted(process: Process) -> None:
    while True:
        try:
            note_ended(process)
            return
        except MediViewError as error:
            log.warning("ended_job_not_noted", error=error.code)
            time.sleep(_AGAIN_S)


def _note(
    settings: Settings, jobs: Jobs, shadow_runs: ShadowRuns, answers: Answers, ended: Running
) -> None:
    if ended.kind == "early":
        # No job: the one that comes of the series does it all.
        return
    error = _reason(settings, ended)
    sentence = f"{error.message} {error.remedy}"
    if ended.is_tried_again and _given_back(jobs, settings, shadow_runs, ended):
        return
    if ended.kind == "shadow":
        shadow_runs.end(ended.job_id, "FAILED", utcnow(), reason=sentence)
        return
    # One that has ended meanwhile, or is another's, stays as it is.
    failed = jobs.fail(ended.job_id, ended.owner, sentence, utcnow(), retry=False)
    if failed is not None and ended.kind == "answer":
        answers.failed(ended.job_id, error.code, error.message, error.remedy)


def _given_back(jobs: Jobs, settings: Settings, shadow_runs: ShadowRuns, ended: Running) -> bool:
    """Whether there is another attempt; this one counts, as one whose process crashed."""
    limit = f"{ended.limit_bytes >> 20:,}"
    sentence = failure("memory_limit_again", what=_what(settings, ended), limit=limit)
    if ended.kind == "shadow":
        # Its attempts are counted where it is taken.
        shadow_runs.postpone(ended.job_id, utcnow())
        return True
    try:
        job = jobs.get(ended.job_id)
    except NotFound:
        return True
    if job.attempts >= settings.job_max_attempts:
        return False
    jobs.fail(ended.job_id, ended.owner, sentence, utcnow(), retry=True)
    log.info("ended_job_tried_again", job_id=ended.job_id, attempt=job.attempts)
    return True


def _reason(settings: Settings, ended: Running) -> MediViewError:
    what = _what(settings, ended)
    if ended.ended_because == "memory":
        return LimitExceeded(
            failure("memory_limit", what=what, limit=f"{ended.limit_bytes >> 20:,}"),
            remedy=failure("raise_memory_limit"),
        )
    return DeadlinePassed(
        failure("ended_at_deadline", what=what, limit=f"{ended.deadline_s:g}"),
        remedy=failure("more_time_for_answers" if ended.kind == "answer" else "more_time_by_rule"),
    )


def _what(settings: Settings, ended: Running) -> str:
    """The pipeline, or the task of language with its model."""
    name = ended.title.split(" ")[0]
    task = next((one for one in TASKS if one == name), None)
    if ended.kind != "answer" or task is None:
        return ended.title
    return f"{ended.title}{_model(settings, task)}"


def _model(settings: Settings, task: TaskName) -> str:
    if not is_configured(settings, TASKS[task]):
        return ""
    try:
        return f" with {model_ref(settings, TASKS[task].setting).name}"
    except MediViewError:
        return ""
