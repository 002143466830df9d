"""Cancel jobs, or run them again, as people ask."""

import structlog

from api.errors import ApiProblem
from inference.failure_sentences import FAILURES
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.state_words import state_word
from storage.jobs.repository import Jobs

log = structlog.get_logger(__name__)


def cancel(jobs: Jobs, job_id: str, by: str, why: str) -> Job:
    """The job, ended. Raises NotFound, ApiProblem."""
    # Not found where the caller's groups do not see it: a change alone asks nobody.
    jobs.get(job_id)
    reason = FAILURES["cancelled_because" if why else "cancelled"].format(by=by, why=why)
    job = jobs.cancel(job_id, reason, utcnow())
    if job is None:
        job = jobs.get(job_id)
        if job.state != "CANCELED":
            raise ended(job, "There is nothing to cancel; reject its findings instead.")
    log.info("job_canceled", job_id=job_id)
    return job


def retry(jobs: Jobs, job_id: str, *, force: bool) -> Job:
    """The job, waiting again; with `force` also where it is completed.

    Raises NotFound, ApiProblem.
    """
    job = jobs.get(job_id)
    _check_current(jobs, job)
    again = jobs.retry(job_id, utcnow(), force=force)
    if again is None:
        job = jobs.get(job_id)
        raise _not_again(job)
    log.info("job_retried", job_id=job_id, force=force)
    return again


def _not_again(job: Job) -> ApiProblem:
    why = "it runs again only once this run has ended"
    remedy = "Wait for its results, or cancel it first."
    if job.status == "COMPLETED":
        why = "only one that failed or was cancelled is tried again"
        remedy = "Its results are there; `force` runs it once more."
    # The spelling is older than that of the state, and stays within a version of the API.
    return ApiProblem(
        409, "job_not_canceled", f"The job is {state_word(job.status)}; {why}.", remedy=remedy
    )


def ended(job: Job, remedy: str) -> ApiProblem:
    return ApiProblem(409, "job_ended", f"The job is {state_word(job.status)}.", remedy=remedy)


def _check_current(jobs: Jobs, job: Job) -> None:
    """A job over content that has grown since would be refused by its own first step."""
    if not job.series_instance_uid:
        return
    if job.ending == "superseded":
        raise ApiProblem(
            409, "job_superseded", job.reason, remedy="POST /api/jobs for the series as it is now."
        )
    # A series' fingerprint is made again only once it is complete again.
    if not jobs.is_current(job):
        raise ApiProblem(
            409,
            "job_superseded",
            "More instances of the series arrived after the job was made.",
            remedy="POST /api/jobs for the series as it is now.",
        )
