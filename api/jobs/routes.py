"""Jobs: what runs, what ran, what came of it, and the orders that people give."""

from typing import Annotated, Protocol

import structlog
from fastapi import Query, Request, Response
from pydantic import Field, StringConstraints

from api.access.policy import READERS, WRITERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CHANGED, UIDS_ALONE, Audited
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.errors import ApiProblem
from api.findings.routes import finding_payloads
from api.jobs import cancel_retry
from api.jobs.priority import Priority, priority_number
from api.jobs.schemas import CancelReason, JobPage, JobPayload
from api.jobs.serializers import decision_payloads, job_payload
from api.lists.cursors import CursorPagingDep
from api.parameters import JobId, NameFilter, UidFilter, UpdatedSince, problems
from api.request_rules.enum_spelling import JobStateWord
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.model_registry.status import standing_named
from inference.scheduling.schedule import schedule_pipeline
from storage.audit import Code
from storage.container.has import (
    HasAnswers,
    HasFindingFeedback,
    HasFindings,
    HasJobs,
    HasWithdrawals,
)
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Series
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.jobs.listing import NEWEST_JOBS
from storage.jobs.repository import Jobs

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/jobs", tags=["jobs"])

_Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]


class NewJob(RequestBody):
    """A pipeline to be run on a series."""

    series_instance_uid: _Uid = Field(examples=["2.25.118337427381632173231230312039523409847"])
    study_instance_uid: _Uid | None = Field(
        None, description="Needed only where two studies have a series of that UID."
    )
    pipeline: str = Field(min_length=1, max_length=80, examples=["brain-volume"])
    priority: Priority = "ROUTINE"
    force: bool = Field(
        False,
        description="Run the job once more where it has ended. While it waits or runs, this is"
        " answered by the run that goes on.",
    )


class JobChange(RequestBody):
    priority: Priority


class CancelJob(RequestBody):
    reason: CancelReason = ""


class RetryJob(RequestBody):
    force: bool = Field(False, description="Run it once more although it is completed.")


@router.get("", summary="List the jobs, the newest first")
@policy(READERS, "api:read", UIDS_ALONE)
def list_jobs(
    request: Request,
    storage: StorageDep,
    paging: CursorPagingDep,
    study_instance_uid: UidFilter = None,
    series_instance_uid: UidFilter = None,
    pipeline: NameFilter = None,
    state: Annotated[JobStateWord | None, Query(description="In this state only.")] = None,
    updated_since: UpdatedSince = None,
) -> JobPage:
    """Jobs without their findings; ask for one job to get them. Each names its patient.

    One that words a report or answers a question names the study that it is about, and
    `study_instance_uid` finds it, too.
    """
    jobs, total = storage.jobs.list(
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        pipeline=pipeline,
        status=state,
        limit=paging.limit,
        offset=paging.offset,
        updated_since=updated_since,
        beyond=paging.beyond(NEWEST_JOBS),
    )
    jobs = storage.answers.with_studies(jobs)
    patients = storage.index.patients_of([job.study_instance_uid for job in jobs])
    name_studies(request, *patients)
    items = [
        job_payload(job, patient=patients.get(job.study_instance_uid, ("", ""))) for job in jobs
    ]
    return paging.page_of(JobPage, items, total, jobs, NEWEST_JOBS)


@router.post(
    "",
    status_code=201,
    summary="Run a pipeline on a series",
    responses={
        200: {"model": JobPayload, "description": "The job was there already."},
        **problems(404, 409, 422),
    },
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "C"))
def create_job(
    request: Request, storage: StorageDep, response: Response, wanted: NewJob
) -> JobPayload:
    """The job of this pipeline and this content: a new one, or the one that is there.

    A pipeline that does not take the series refuses with its own reason, 422
    `pipeline_refuses`. A job that is there and has not begun is moved up where a
    higher priority is asked for.
    """
    pipeline = standing_named(storage.settings, storage.model_states, wanted.pipeline).pipeline
    series = _series_of(storage.index, wanted)
    name_studies(request, series.study_instance_uid)
    if series.state == "RECEIVING":
        raise ApiProblem(
            409,
            "series_receiving",
            "The series is still arriving.",
            remedy="Wait until it is complete, or say so:"
            " POST /api/studies/{study_instance_uid}/series/{series_instance_uid}/complete.",
        )
    priority = priority_number(wanted.priority)
    begun_at = utcnow()
    decision = schedule_pipeline(storage, series, pipeline, priority)
    if decision.job_id is None:
        raise ApiProblem(
            422,
            "pipeline_refuses",
            decision.reason,
            title=f"{pipeline.title} does not take this series",
            remedy="GET /api/pipelines says what each of them takes.",
            extra={
                "decisions": [one.model_dump(mode="json") for one in decision_payloads([decision])]
            },
        )
    job = storage.jobs.get(decision.job_id)
    if job.state == "SCHEDULED" and job.priority < priority:
        storage.jobs.set_priority(job.job_id, priority, utcnow())
    if wanted.force and job.status not in OPEN_STATES and job.created_at < begun_at:
        cancel_retry.retry(storage.jobs, job.job_id, force=True)
    wake(storage.settings)
    response.headers["Location"] = f"/api/jobs/{job.job_id}"
    if job.created_at < begun_at:
        response.status_code = 200
    return read_job(storage, job.job_id)


@router.get("/{job_id}", summary="One job in full", responses=problems(404))
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def get_job(request: Request, storage: StorageDep, job_id: JobId) -> JobPayload:
    """The job; once it is completed, with its findings and the UIDs of its results."""
    _name_study(request, storage.jobs, job_id)
    return read_job(storage, job_id)


@router.patch("/{job_id}", summary="Change a job's priority", responses=problems(404, 409))
@policy(WRITERS, "api:write", CHANGED)
def change_job(
    request: Request, storage: StorageDep, job_id: JobId, change: JobChange
) -> JobPayload:
    """A waiting job is taken by it; one that runs keeps it for when it has to run again."""
    _name_study(request, storage.jobs, job_id)
    if not storage.jobs.set_priority(job_id, priority_number(change.priority), utcnow()):
        raise cancel_retry.ended(storage.jobs.get(job_id), "It is not taken any more.")
    return read_job(storage, job_id)


@router.post("/{job_id}/cancel", summary="Cancel a job", responses=problems(404, 409))
@policy(WRITERS, "api:write", CHANGED)
def cancel_job(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    job_id: JobId,
    why: CancelJob | None = None,
) -> JobPayload:
    """A waiting job ends at once. One that runs ends at once too; its worker stops at
    its next step and stores nothing any more.
    """
    _name_study(request, storage.jobs, job_id)
    cancel_retry.cancel(storage.jobs, job_id, principal.name, why.reason if why else "")
    return read_job(storage, job_id)


@router.post("/{job_id}/retry", summary="Run a job again", responses=problems(404, 409))
@policy(WRITERS, "api:write", CHANGED)
def retry_job(
    request: Request, storage: StorageDep, job_id: JobId, wanted: RetryJob | None = None
) -> JobPayload:
    """The same job, from its beginning and with all its attempts.

    With `force` also one that is completed. Where the same comes out, nothing new is stored. Other
    results get UIDs of their own and another job, which `reason` names then: this one is
    superseded, and what it made is withdrawn. Where a person has edited its masks since, they
    are refused, and the results of before stay.
    """
    _name_study(request, storage.jobs, job_id)
    cancel_retry.retry(storage.jobs, job_id, force=wanted is not None and wanted.force)
    wake(storage.settings)
    return read_job(storage, job_id)


class JobStorage(HasAnswers, HasJobs, HasFindings, HasFindingFeedback, HasWithdrawals, Protocol):
    """What of the storage layer a job is shown from."""


def read_job(storage: JobStorage, job_id: str) -> JobPayload:
    """The job as the API tells it. Raises NotFound."""
    (job,) = storage.answers.with_studies([storage.jobs.get(job_id)])
    if not job.has_results:
        return job_payload(job)
    return job_payload(
        job,
        finding_payloads(
            storage.withdrawals,
            storage.findings,
            storage.finding_feedback,
            storage.findings.of_job(job_id),
        ),
    )


def _name_study(request: Request, jobs: Jobs, job_id: str) -> None:
    """For the audit trail: the path names the job alone. Raises NotFound."""
    name_studies(request, jobs.get(job_id).study_instance_uid)


def _series_of(index: Index, wanted: NewJob) -> Series:
    if wanted.study_instance_uid is not None:
        return index.series(wanted.study_instance_uid, wanted.series_instance_uid)
    found = index.series_named(wanted.series_instance_uid)
    if not found:
        raise NotFound(
            f"The node holds no series {wanted.series_instance_uid}.",
            remedy="Check the UID, or send the instances to this node.",
        )
    if len(found) > 1:
        raise ApiProblem(
            409,
            "series_ambiguous",
            f"{len(found)} studies have a series of that UID.",
            remedy="Name the study_instance_uid as well.",
        )
    return found[0]
