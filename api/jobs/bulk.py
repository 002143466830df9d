"""Many jobs in one request. Each has its own audit event, committed with its change."""

from typing import Annotated

from fastapi import Request
from pydantic import Field

from api.access.actor import actor_of
from api.access.policy import WRITERS, policy
from api.access.principal import PrincipalDep, principal_of
from api.audit_rules import EACH_BY_ITSELF
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.jobs import cancel_retry
from api.jobs.schemas import CancelReason
from api.lists.bulk import MOST, BulkAnswer, BulkId, for_each
from api.router_factory import new_router
from inference.broker.notify import wake
from storage.audit import AuditEvent, Code
from storage.audit.change_event import record_of_change
from storage.core.entities import Job

router = new_router(prefix="/api/jobs", tags=["jobs"])

_JOB_ID = r"[A-Za-z0-9-]{1,64}"
_JobIds = Annotated[list[BulkId], Field(min_length=1, max_length=MOST)]


class RetryJobs(RequestBody):
    job_ids: _JobIds
    force: bool = Field(False, description="Those that are completed, too.")


class CancelJobs(RequestBody):
    job_ids: _JobIds
    reason: CancelReason = ""


@router.post("/retry", summary="Run jobs again")
@policy(WRITERS, "api:write", EACH_BY_ITSELF)
def retry_jobs(request: Request, storage: StorageDep, wanted: RetryJobs) -> BulkAnswer:
    """Each as `POST /api/jobs/{job}/retry` does it."""

    def retry(job_id: str) -> str:
        with record_of_change(storage.audit, _event(request, storage.jobs.get(job_id))):
            return cancel_retry.retry(storage.jobs, job_id, force=wanted.force).status

    try:
        return for_each(wanted.job_ids, retry, _JOB_ID, "id of a job")
    finally:
        wake(storage.settings)


@router.post("/cancel", summary="Cancel jobs")
@policy(WRITERS, "api:write", EACH_BY_ITSELF)
def cancel_jobs(
    request: Request, storage: StorageDep, principal: PrincipalDep, wanted: CancelJobs
) -> BulkAnswer:
    """Each as `POST /api/jobs/{job}/cancel` does it."""

    def cancel(job_id: str) -> str:
        with record_of_change(storage.audit, _event(request, storage.jobs.get(job_id))):
            return cancel_retry.cancel(storage.jobs, job_id, principal.name, wanted.reason).status

    return for_each(wanted.job_ids, cancel, _JOB_ID, "id of a job")


def _event(request: Request, job: Job) -> AuditEvent:
    return AuditEvent(
        Code.PROCEDURE_RECORD,
        "U",
        actor_of(request.scope, principal_of(request.scope)),
        study_instance_uids=(job.study_instance_uid,),
        detail={"route": f"POST {request.scope['path']}", "job_id": job.job_id},
    )
