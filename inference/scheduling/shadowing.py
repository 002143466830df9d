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
from pydicom.dataset import Dataset

from inference.failures import explain, place
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.selection import select_stack, stack_for
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import shadows, state_of
from inference.model_registry.verification import prove_here
from inference.model_servers.gate import GateStorage, guarded
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext, takes_instances
from inference.running_jobs import note_lost, noted
from inference.scheduling.shadow_agreement import dice_by_segment, values_by_measurement
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
from storage.container.has import (
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasModelStates,
    HasShadowRuns,
)
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Instance, Job, Series
from storage.core.errors import NotFound
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.model_registry.registry import ModelStates
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


def schedule_shadows(
    settings: Settings,
    model_states: ModelStates,
    shadow_runs: ShadowRuns,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    pipelines: Sequence[Pipeline] | None,
) -> None:
    """Note a run for each shadow that takes the series; decisions are not touched by it."""
    for standing in shadows(settings, model_states, pipelines):
        pipeline = standing.pipeline
        if pipeline.input_kind != "volume" or inputs_of(pipeline) or not pipeline.readiness().ready:
            continue
        try:
            selection = select_stack(instances, headers, partial(pipeline.accepts, series))
        except Exception as error:  # noqa: BLE001 - a shadow must not disturb those that work
            log.warning("shadow_accepts_failed", pipeline=pipeline.name, place=place(error))
            continue
        if selection.acceptance.accepted:
            shadow_runs.schedule(
                (pipeline.card.name, pipeline.card.version),
                (pipeline.name, pipeline.version),
                (series.study_instance_uid, series.series_instance_uid),
                series.fingerprint,
                utcnow(),
            )


class ShadowStorage(
    GateStorage,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasModelStates,
    HasShadowRuns,
    Protocol,
):
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
    volume, images = _volume(storage.index, storage.instances, run, pipeline)
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

    context = PipelineContext(storage.settings, volume, images=images, on_progress=on_progress)
    output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
    return {
        "active_version": active.pipeline_version if active else "",
        "segments": dice_by_segment(storage.index, storage.instances, active, output, volume),
        "measurements": values_by_measurement(storage.findings, active, output),
        "notes": list(notes),
    }


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


def _volume(
    index: Index, instance_reader: InstanceReader, run: ShadowRun, pipeline: Pipeline
) -> tuple[Volume, tuple[Dataset, ...]]:
    """The volume, and its instances where the pipeline wants them."""
    instances = fitting_instances(
        index, instance_reader, run.study_instance_uid, run.series_instance_uid
    )
    datasets = list(instance_reader.datasets(instances))
    series = index.series(run.study_instance_uid, run.series_instance_uid)
    if series.fingerprint != run.input_fingerprint:
        raise NotFound("More instances of the series arrived after the run was noted.")
    stack = stack_for(pipeline, series, instances, datasets)
    tilted = resamples_tilt(pipeline)
    taken = stack.of(datasets)
    volume = assemble_volume(taken, stack.frame_indices, tilted=tilted)
    return volume, tuple(taken) if takes_instances(pipeline) else ()
