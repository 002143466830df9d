"""What deciding on one series and on several of a study have in common."""

from typing import Protocol

import structlog

from inference.failures import explain, place
from inference.input_selection.result_inputs import StudyResults
from inference.model_registry.status import Standing
from inference.pipeline import Acceptance, Pipeline
from storage.container.has import (
    HasAcceptanceDecisions,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasModelStates,
    HasSettings,
    HasWithdrawals,
    HasWorklist,
)
from storage.core.clock import utcnow
from storage.core.entities import Job, Series
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import SUPERSEDED, Withdrawals

log = structlog.get_logger(__name__)


class DecisionStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasModelStates,
    HasJobs,
    HasFindings,
    HasAcceptanceDecisions,
    HasWithdrawals,
    HasWorklist,
    Protocol,
):
    """What of the storage layer pipelines are asked, and jobs are made, with."""


def is_decided(decisions: AcceptanceDecisions, series: Series) -> bool:
    return any(
        decision.series_instance_uid == series.series_instance_uid
        and decision.input_fingerprint == series.fingerprint
        for decision in decisions.of_study(series.study_instance_uid)
    )


def results_in(storage: DecisionStorage) -> StudyResults:
    """Where results of other pipelines are looked up."""
    return StudyResults(storage.jobs, storage.findings, storage.acceptance_decisions)


def may_run(standing: Standing) -> Acceptance:
    """Whether a pipeline may and could run, whatever the series."""
    if standing.blocked:
        return Acceptance(False, standing.blocked)
    readiness = standing.pipeline.readiness()
    return Acceptance(readiness.ready, readiness.detail)


def could_not_judge(what: str, pipeline: Pipeline, series: Series, error: Exception) -> Acceptance:
    """The word for a pipeline that failed over a `series` or a `study`, which is logged."""
    log.error(
        "pipeline_accepts_failed",
        pipeline=pipeline.name,
        series_instance_uid=series.series_instance_uid,
        error=type(error).__name__,
        place=place(error),
    )
    sentence = explain(error).sentence
    return Acceptance(False, f"{pipeline.title} could not judge the {what}: {sentence}")


def log_scheduled(job: Job) -> None:
    of_request = {"request_id": job.request_id} if job.request_id else {}
    log.info("job_scheduled", job_id=job.job_id, pipeline=job.pipeline, **of_request)


def supersede_others(
    job_repository: Jobs, withdrawals: Withdrawals, job: Job, *, on_its_series: bool = False
) -> None:
    """Other inputs were taken before: what is made of them counts no more.

    That is of all jobs of the pipeline over the study, or of those on the job's own series.
    """
    jobs: list[Job] = []
    total = 1
    while len(jobs) < total:
        page, total = job_repository.list(
            study_instance_uid=job.study_instance_uid,
            series_instance_uid=job.series_instance_uid if on_its_series else None,
            pipeline=job.pipeline,
            offset=len(jobs),
        )
        if not page:
            break
        jobs += page
    for other in jobs:
        same = other.input_fingerprint == job.input_fingerprint
        if not same and not other.ending and not other.result.get("edited"):
            withdrawals.supersede(other.job_id, SUPERSEDED, utcnow())
