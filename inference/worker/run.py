"""One job from claim to end, whatever happens on the way.

Everything that is written derives from the job's input, so doing it twice gives the
same objects: a worker may die at any moment and the next one does it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from inference.failure_sentences import FailureCode, failure
from inference.failures import Failure, explain, place
from inference.input_selection.job_inputs import Superseded
from inference.job_progress import WorkerStopping
from inference.lesions.drawn import follow_drawn_lesions
from inference.lesions.history import DRAWN_LESIONS
from inference.model_registry.sharing import SharingStorage, fetch_models, not_fetched
from inference.model_servers.gate import guarded
from inference.models.model_cache import WARM
from inference.pipeline import Pipeline
from inference.pipelines.catalogue import catalogue
from inference.process_memory import collect_after_job
from inference.running_jobs import Kind, note_lost, note_storing, noted
from inference.scheduling.studies_awaiting_priors import decide_without_lost_prior
from inference.worker.job_runner import Work
from storage.container import Storage
from storage.core.callers.request_context import serving
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import NotFound
from storage.jobs.outcome import JobOutcome
from storage.jobs.repository import Jobs
from storage.jobs.withdrawals import Withdrawals
from storage.outbox.leases import Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.settings import Settings
from storage.traces.log_lines import traced

log = structlog.get_logger(__name__)


def never() -> bool:
    """For callers that run a job to its end."""
    return False


def run_job(
    storage: Storage,
    job_id: str,
    owner: str,
    *,
    pipelines: Sequence[Pipeline] | None = None,
    stopping: Callable[[], bool] = never,
) -> Job | None:
    """Run one job to its end and return it; None where it was not ours to run.

    `owner` names this worker in the lease and must be unique among those alive.
    `stopping` is asked between steps: True gives the job back for another worker.
    """

    def work(job: Job, lease: Lease) -> JobOutcome:
        if job.pipeline == DRAWN_LESIONS:
            return follow_drawn_lesions(storage, job)
        pipeline = _pipeline_of(job, _offered_here(storage, job, pipelines))
        with guarded(storage, job.study_instance_uid):
            return Work(storage, job, owner, lease, stopping).do(pipeline)

    ended = run_claimed(storage.settings, storage.jobs, storage.withdrawals, job_id, owner, work)
    if ended is not None and ended.ending == "superseded":
        # What fails here is done by the next round of the clock.
        decide_without_lost_prior(storage, ended, pipelines)
    return ended


def run_claimed(
    settings: Settings,
    jobs: Jobs,
    withdrawals: Withdrawals,
    job_id: str,
    owner: str,
    work: Callable[[Job, Lease], JobOutcome],
    *,
    kind: Kind = "job",
    deadline_s: float | None = None,
) -> Job | None:
    """Claim a job, do `work` under its lease, and end it with the result or its reason.

    `deadline_s`: another than that of jobs, after which the process may be ended.
    """
    before = jobs.get(job_id)
    job = jobs.claim(job_id, owner, settings.job_lease_s, utcnow())
    if job is None:
        return None
    try:
        with (
            serving(job.request_id),
            traced(settings, job.study_instance_uid),
            noted(
                kind,
                job_id,
                owner,
                f"{job.pipeline} {job.pipeline_version}",
                settings.job_deadline_s if deadline_s is None else deadline_s,
            ),
        ):
            return _work_on(settings, jobs, withdrawals, before, job, owner, work)
    finally:
        collect_after_job()


def _work_on(
    settings: Settings,
    jobs: Jobs,
    withdrawals: Withdrawals,
    before: Job,
    job: Job,
    owner: str,
    work: Callable[[Job, Lease], JobOutcome],
) -> Job | None:
    job_id = job.job_id
    if job.attempts > settings.job_max_attempts:
        # The process that ran it last ended without an error, each time: it would end us as well.
        return _end(settings, jobs, job, owner, _died(before))
    log.info("job_started", job_id=job_id, pipeline=job.pipeline, attempt=job.attempts)
    try:
        with job_lease(settings, jobs, job_id, owner) as lease:
            loaded_s = WARM.loading_s
            outcome = work(job, lease)
            loading = timedelta(seconds=WARM.loading_s - loaded_s)
            note_storing()
            ours = _complete(jobs, job_id, owner, outcome, loading)
    except LeaseLost:
        log.info("job_given_up", job_id=job_id, reason="cancelled or taken by another worker")
        return None
    except WorkerStopping:
        log.info("job_given_back", job_id=job_id)
        return jobs.fail(
            job_id, owner, failure("worker_stopped"), utcnow(), retry=True, counts=False
        )
    except Exception as error:  # noqa: BLE001 - the edge of a job: every failure becomes its reason
        return _failed(settings, jobs, withdrawals, job, owner, error)
    log.info("job_finished", job_id=job_id, ours=ours, timings_s=outcome.result["timings_s"])
    if outcome.revision is not None:
        revision_id = outcome.revision.job_id
        log.info("results_replaced", job_id=job_id, ours=ours, revision_job_id=revision_id)
        job_id = revision_id
    try:
        return jobs.get(job_id) if ours else None
    except NotFound:
        # It has ended, and has been deleted since.
        return None


def _complete(jobs: Jobs, job_id: str, owner: str, outcome: JobOutcome, loading: timedelta) -> bool:
    if outcome.revision is None:
        return jobs.complete(job_id, owner, outcome.result, utcnow(), loading, outcome.rows)
    revision = replace(outcome.revision, result=outcome.result)
    return jobs.complete_revision(job_id, owner, revision, utcnow(), loading, outcome.rows)


def job_lease(settings: Settings, jobs: Jobs, job_id: str, owner: str) -> Lease:
    """Keeps a claimed job its worker's, while the block runs."""
    lease_s = settings.job_lease_s
    return Lease(lambda: jobs.renew(job_id, owner, lease_s, utcnow()), "job", lease_s, note_lost)


def _failed(
    settings: Settings, jobs: Jobs, withdrawals: Withdrawals, job: Job, owner: str, error: Exception
) -> Job | None:
    if isinstance(error, Superseded):
        log.info("job_superseded", job_id=job.job_id, pipeline=job.pipeline)
        withdrawals.supersede(job.job_id, error.message, utcnow())
        return jobs.get(job.job_id)
    found = explain(error)
    log.warning(
        "job_failed",
        job_id=job.job_id,
        pipeline=job.pipeline,
        error=type(error).__name__,
        place=place(error),
        attempt=job.attempts,
        retry=found.retry,
    )
    return _end(settings, jobs, job, owner, found)


def _end(settings: Settings, jobs: Jobs, job: Job, owner: str, found: Failure) -> Job | None:
    """Give a failed job back for later, or end it with its reason."""
    now = utcnow()
    policy = retry_policy(settings, "job" if found.counts else "job_outside_cause")
    again_at = policy.next_attempt(job.attempts, now) if found.retry else None
    if again_at is not None:
        return jobs.fail(
            job.job_id,
            owner,
            found.sentence,
            now,
            retry=True,
            not_before=again_at,
            counts=found.counts,
        )
    tried = f"{failure('tried', count=job.attempts)} " if found.retry else ""
    return jobs.fail(job.job_id, owner, tried + found.sentence, now, retry=False)


def _died(job: Job) -> Failure:
    code: FailureCode = "worker_died_while" if job.stage else "worker_died"
    return Failure(failure(code, count=job.attempts, stage=job.stage), retry=False)


def _offered_here(
    storage: SharingStorage, job: Job, pipelines: Sequence[Pipeline] | None
) -> Sequence[Pipeline]:
    """The pipelines of this host; a model that another one was given is fetched first."""
    if pipelines is not None:
        return pipelines
    offered = catalogue(storage.settings)
    wanted = (job.pipeline, job.pipeline_version)
    if any((one.name, one.version) == wanted for one in offered):
        return offered
    if fetch_models(storage):
        offered = catalogue(storage.settings)
    if all((one.name, one.version) != wanted for one in offered) and (
        why := not_fetched(storage.settings, *wanted)
    ):
        raise why
    return offered


def _pipeline_of(job: Job, pipelines: Sequence[Pipeline]) -> Pipeline:
    for pipeline in pipelines:
        if (pipeline.name, pipeline.version) == (job.pipeline, job.pipeline_version):
            return pipeline
    raise NotFound(
        f"The pipeline {job.pipeline} {job.pipeline_version} is not installed any more.",
        remedy="Install it again, or send the series again for the present version.",
    )
