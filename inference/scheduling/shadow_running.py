"""Models in the shadow: they run when nobody waits, and are only compared.

Nothing of a shadow's run is stored as a result, shown, or sent. What is kept is how far it
agrees with the active version: Dice by segment, and both values of each measurement.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from inference.failures import explain, place
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.study_inputs import inputs_of
from inference.job_loading.loaded import LoadingStorage
from inference.job_loading.proposal import (
    Proposal,
    proposal_on_series,
)
from inference.job_loading.unstored import run_unstored
from inference.model_registry.status import shadows, state_of
from inference.model_registry.verification import prove_here
from inference.model_servers.gate import GateStorage, guarded
from inference.pipeline import Pipeline
from inference.refusals import VolumeRefused
from inference.running_jobs import note_lost, noted
from inference.scheduling.shadow_agreement import agreement_of
from inference.scheduling.shadowing import ShadowingStorage, study_proposal
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Job
from storage.core.errors import NotFound
from storage.jobs.repository import Jobs
from storage.model_registry.shadow_runs import ShadowAgreement, ShadowRun, ShadowRuns
from storage.outbox.leases import LEASE_S, Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.settings import Settings

log = structlog.get_logger(__name__)
_CANDIDATES = 16
# A run that gave way so often is done at last.
_GIVES_WAY = 5
_LOOKS_EVERY_S = 1.0


class GivesWay(Exception):
    """Work that somebody waits for has come."""


class Stopping(Exception):
    """The process was asked to end."""


class ShadowStorage(ShadowingStorage, GateStorage, LoadingStorage, Protocol):
    """What of the storage layer shadows run, and are compared, with."""


def run_due_shadow(
    storage: ShadowStorage,
    pipelines: Sequence[Pipeline] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    is_ours: Callable[[str], bool] = lambda _: True,
) -> ShadowRun | None:
    """Do the oldest run that is due, if any; None where there was none to do.

    `is_ours` says whether this worker runs a pipeline of that name.
    """
    now, owner = utcnow(), f"shadow-{uuid.uuid4().hex[:12]}"
    for run in storage.shadow_runs.due(now, _CANDIDATES):
        if not is_ours(run.pipeline):
            continue
        active = _active_job(storage.jobs, run)
        if active is not None and active.state in OPEN_STATES:
            _postponed(storage.settings, storage.shadow_runs, run)
            continue
        if not storage.shadow_runs.claim(run, owner, LEASE_S, now):
            continue
        renew = partial(_renew, storage.shadow_runs, run, owner)
        title = f"{run.pipeline} {run.pipeline_version}"
        with (
            noted("shadow", run.shadow_id, owner, title, storage.settings.job_deadline_s),
            Lease(renew, "shadow", on_lost=note_lost) as lease,
        ):
            _run_claimed(storage, run, active, pipelines, stopping, lease)
        return run
    return None


def _renew(shadow_runs: ShadowRuns, run: ShadowRun, owner: str) -> bool:
    return shadow_runs.renew(run.shadow_id, owner, LEASE_S, utcnow())


def _postponed(settings: Settings, shadow_runs: ShadowRuns, run: ShadowRun) -> None:
    """Nothing failed: others are first."""
    again_at = retry_policy(settings, "shadow_run").again_at(1, utcnow())
    shadow_runs.postpone(run.shadow_id, again_at)


def _run_claimed(
    storage: ShadowStorage,
    run: ShadowRun,
    active: Job | None,
    pipelines: Sequence[Pipeline] | None,
    stopping: Callable[[], bool],
    lease: Lease,
) -> None:
    policy = retry_policy(storage.settings, "shadow_run")
    if policy.is_spent(run.attempts, utcnow()):
        # Its workers ended in the middle, each time: the next one would as well.
        reason = f"The worker ended during the run {run.attempts} times."
        storage.shadow_runs.end(run.shadow_id, "FAILED", utcnow(), reason=reason)
        return
    try:
        with guarded(storage, run.study_instance_uid):
            agreement = _agreement(storage, run, active, pipelines, stopping, lease)
        lease.check()
    except (GivesWay, Stopping):
        _postponed(storage.settings, storage.shadow_runs, run)
        return
    except LeaseLost:
        log.info("shadow_given_up", pipeline=run.pipeline, reason="taken by another worker")
        return
    except Exception as error:  # noqa: BLE001 - the edge of a run: every failure becomes its reason
        failure = explain(error)
        log.warning("shadow_failed", pipeline=run.pipeline, place=place(error))
        again_at = policy.next_attempt(run.attempts + 1, utcnow()) if failure.retry else None
        if again_at is not None:
            storage.shadow_runs.postpone(run.shadow_id, again_at)
        else:
            storage.shadow_runs.end(run.shadow_id, "FAILED", utcnow(), reason=failure.sentence)
        return
    storage.shadow_runs.end(run.shadow_id, "DONE", utcnow(), agreement=agreement)
    log.info("shadow_done", pipeline=run.pipeline, version=run.pipeline_version)


def _agreement(
    storage: ShadowStorage,
    run: ShadowRun,
    active: Job | None,
    pipelines: Sequence[Pipeline] | None,
    stopping: Callable[[], bool],
    lease: Lease,
) -> ShadowAgreement:
    pipeline = next(
        (
            one.pipeline
            for one in shadows(storage.settings, storage.model_states, pipelines)
            if (one.pipeline.name, one.pipeline.version) == (run.pipeline, run.pipeline_version)
        ),
        None,
    )
    if pipeline is None:
        raise NotFound(f"{run.model} {run.model_version} is no longer a shadow.")
    card = pipeline.card
    record = storage.model_states.get(card.name, card.version)
    prove_here(storage.model_states, pipeline, record, state_of(card, record))
    looked_at = begun = time.monotonic()

    def on_progress(stage: str, fraction: float) -> None:
        nonlocal looked_at
        if stopping():
            raise Stopping
        lease.check()
        now = time.monotonic()
        if now - begun > storage.settings.job_deadline_s:
            raise TimeoutError("the shadow took longer than a job may")
        if now - looked_at >= _LOOKS_EVERY_S and run.attempts < _GIVES_WAY:
            looked_at = now
            if storage.jobs.due(utcnow(), 1):
                raise GivesWay

    found = run_unstored(
        storage, pipeline, _proposed(storage, run, pipeline), run.shadow_id, on_progress
    )
    return agreement_of(storage, active, found, pipeline)


def _proposed(storage: ShadowStorage, run: ShadowRun, pipeline: Pipeline) -> Proposal:
    """What the run was noted for. Raises NotFound where that is not there any more."""
    uids = run.study_instance_uid, run.series_instance_uid
    series = storage.index.series(*uids)
    if inputs_of(pipeline):
        found = study_proposal(storage, pipeline, series)
    else:
        instances = fitting_instances(storage.index, storage.instances, *uids)
        headers = storage.instances.headers(instances)
        found = proposal_on_series(storage, pipeline, series, instances, headers)
    if found is None or found.fingerprint != run.input_fingerprint:
        raise NotFound("What the model takes has changed since the run was noted.")
    if not found.acceptance.accepted:
        raise VolumeRefused(found.acceptance.reason)
    return found


def _active_job(job_repository: Jobs, run: ShadowRun) -> Job | None:
    """The newest job of another version of the pipeline over the same content."""
    jobs, _ = job_repository.list(
        study_instance_uid=run.study_instance_uid,
        series_instance_uid=run.series_instance_uid,
        pipeline=run.pipeline,
    )
    return next(
        (
            job
            for job in jobs
            if job.input_fingerprint == run.input_fingerprint
            and job.pipeline_version != run.pipeline_version
            and job.state != "CANCELED"
        ),
        None,
    )
