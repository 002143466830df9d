"""Jobs: what runs, what ran, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import StorageDep
from api.parameters import JobId, Limit, Offset, problems
from api.payloads import JobPage, JobPayload
from api.present import job_payload
from storage.entities import JobState
from storage.opening import Storage

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("", summary="List the jobs, the newest first")
def list_jobs(
    storage: StorageDep,
    study_instance_uid: Annotated[
        str | None, Query(pattern=r"^[0-9.]{1,64}$", description="Of this study only.")
    ] = None,
    state: Annotated[JobState | None, Query(description="In this state only.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> JobPage:
    """Jobs without their findings; ask for one job to get them."""
    jobs, total = storage.jobs.list(
        study_instance_uid=study_instance_uid, state=state, limit=limit, offset=offset
    )
    return JobPage(
        items=[job_payload(job) for job in jobs], total=total, limit=limit, offset=offset
    )


@router.get("/{job_id}", summary="One job in full", responses=problems(404))
def get_job(storage: StorageDep, job_id: JobId) -> JobPayload:
    """The job; once it is COMPLETED, with its findings and the UIDs of its results."""
    return read_job(storage, job_id)


def read_job(storage: Storage, job_id: str) -> JobPayload:
    """The job as the API tells it. Raises NotFound."""
    job = storage.jobs.get(job_id)
    done = job.state == "COMPLETED"
    return job_payload(job, storage.findings.of_job(job_id) if done else ())
