"""Models in the shadow: they run when nobody waits, and are only compared.

Nothing of a shadow's run is stored as a result, shown, or sent. What is kept is how far it
agrees with the active version: Dice by segment, and both values of each measurement.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import Any

import structlog
from pydicom.dataset import Dataset

from inference.evaluation.cases import BadCase, truth_of_seg
from inference.evaluation.measures import dice_of
from inference.imaging.coverage import run_with_coverage
from inference.imaging.tilt import resamples_tilt
from inference.imaging.volume import Volume, assemble_volume
from inference.model_servers.gate import guarded
from inference.models.devices import with_fallback
from inference.models.registry.status import shadows, state_of
from inference.models.registry.verification import prove_here
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.scheduling.selection import select_stack, stack_for
from inference.scheduling.study_inputs import inputs_of
from inference.worker.failures import explain, place
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job, Series
from storage.core.errors import NotFound
from storage.dicom.dataset_reader import read_part10
from storage.findings.repository import Findings
from storage.models.shadow_runs import ShadowRun
from storage.outbox.leases import LEASE_S, Lease, LeaseLost
from storage.outbox.retry import retry_policy

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
    storage: Storage,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    pipelines: Sequence[Pipeline] | None,
) -> None:
    """Note a run for each shadow that takes the series; decisions are not touched by it."""
    for standing in shadows(storage, pipelines):
        pipeline = standing.pipeline
        if pipeline.input_kind != "volume" or inputs_of(pipeline) or not pipeline.readiness().ready:
            continue
        try:
            selection = select_stack(instances, headers, partial(pipeline.accepts, series))
        except Exception as error:  # noqa: BLE001 - a shadow must not disturb those that work
            log.warning("shadow_accepts_failed", pipeline=pipeline.name, place=place(error))
            continue
        if selection.acceptance.accepted:
            storage.shadow_runs.schedule(
                (pipeline.card.name, pipeline.card.version),
                (pipeline.name, pipeline.version),
                (series.study_instance_uid, series.series_instance_uid),
                series.fingerprint,
                utcnow(),
            )


def run_due_shadow(
    storage: Storage,
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
        active = _active_job(storage, run)
        if active is not None and active.state in ("SCHEDULED", "IN PROGRESS"):
            _put_off(storage, run)
            continue
        if not storage.shadow_runs.claim(run, owner, LEASE_S, now):
            continue
        with Lease(partial(_renew, storage, run, owner), "shadow") as lease:
            _run_claimed(storage, run, active, pipelines, stopping, lease)
        return run
    return None


def _renew(storage: Storage, run: ShadowRun, owner: str) -> bool:
    return storage.shadow_runs.renew(run.shadow_id, owner, LEASE_S, utcnow())


def _put_off(storage: Storage, run: ShadowRun) -> None:
    """Nothing failed: others are first."""
    again_at = retry_policy(storage.settings, "shadow_run").again_at(1, utcnow())
    storage.shadow_runs.put_off(run.shadow_id, again_at)


def _run_claimed(
    storage: Storage,
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
        _put_off(storage, run)
        return
    except LeaseLost:
        log.info("shadow_given_up", pipeline=run.pipeline, reason="taken by another worker")
        return
    except Exception as error:  # noqa: BLE001 - the edge of a run: every failure becomes its reason
        failure = explain(error)
        log.warning("shadow_failed", pipeline=run.pipeline, place=place(error))
        again_at = policy.next_attempt(run.attempts + 1, utcnow()) if failure.retry else None
        if again_at is not None:
            storage.shadow_runs.put_off(run.shadow_id, again_at)
        else:
            storage.shadow_runs.end(run.shadow_id, "FAILED", utcnow(), reason=failure.sentence)
        return
    storage.shadow_runs.end(run.shadow_id, "DONE", utcnow(), agreement=agreement)
    log.info("shadow_done", pipeline=run.pipeline, version=run.pipeline_version)


def _agreement(
    storage: Storage,
    run: ShadowRun,
    active: Job | None,
    pipelines: Sequence[Pipeline] | None,
    stopping: Callable[[], bool],
    lease: Lease,
) -> dict[str, Any]:
    pipeline = next(
        (
            one.pipeline
            for one in shadows(storage, pipelines)
            if (one.pipeline.name, one.pipeline.version) == (run.pipeline, run.pipeline_version)
        ),
        None,
    )
    if pipeline is None:
        raise NotFound(f"{run.model} {run.model_version} is no shadow any more.")
    card = pipeline.card
    record = storage.model_states.get(card.name, card.version)
    prove_here(storage.model_states, pipeline, record, state_of(card, record))
    volume, images = _volume(storage, run, pipeline)
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
        "segments": _dice(storage, active, output, volume),
        "measurements": _values(storage.findings, active, output),
        "notes": list(notes),
    }


def _active_job(storage: Storage, run: ShadowRun) -> Job | None:
    """The newest job of another version of the pipeline over the same content."""
    jobs, _ = storage.jobs.list(
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
    storage: Storage, run: ShadowRun, pipeline: Pipeline
) -> tuple[Volume, tuple[Dataset, ...]]:
    """The volume, and its instances where the pipeline wants them."""
    instances = storage.index.instances_of(run.study_instance_uid, run.series_instance_uid)
    datasets = [storage.instances.dataset(instance) for instance in instances]
    series = storage.index.series(run.study_instance_uid, run.series_instance_uid)
    if series.fingerprint != run.input_fingerprint:
        raise NotFound("More instances of the series arrived after the run was noted.")
    stack = stack_for(pipeline, series, instances, datasets)
    tilted = resamples_tilt(pipeline)
    taken = stack.of(datasets)
    volume = assemble_volume(taken, stack.frame_indices, tilted=tilted)
    return volume, tuple(taken) if takes_instances(pipeline) else ()


def _dice(
    storage: Storage, active: Job | None, output: PipelineOutput, volume: Volume
) -> dict[str, float]:
    """By segment of the active version; 0 where the shadow has none such."""
    uid = next(
        (
            str(made["sop_instance_uid"])
            for made in (active.result.get("instances", []) if active else [])
            if made.get("kind") == "SEG"
        ),
        None,
    )
    if uid is None:
        return {}
    try:
        stored = storage.instances.read(storage.index.instance(uid))
        truth = truth_of_seg(read_part10(BytesIO(stored)))
    except (NotFound, BadCase):
        return {}
    found = {}
    for segment in truth.segments:
        index = next((n for n, one in enumerate(output.segments) if segment.is_that_of(one)), None)
        theirs = truth.on_grid(segment, volume)
        found[segment.label] = 0.0 if index is None else dice_of(output.mask(index), theirs)
    return found


def _values(
    findings: Findings, active: Job | None, output: PipelineOutput
) -> dict[str, dict[str, Any]]:
    """Both values of each measurement; null where one of the two has none."""
    theirs = {
        finding.label: finding
        for finding in (findings.of_job(active.job_id) if active else [])
        if finding.value is not None
    }
    ours = {one.label: one for one in output.measurements}
    return {
        label: {
            "active": theirs[label].value if label in theirs else None,
            "shadow": ours[label].value if label in ours else None,
            "unit": ours[label].unit.value if label in ours else _unit(theirs[label].unit),
        }
        for label in dict.fromkeys([*theirs, *ours])
    }


def _unit(code: Any) -> str:
    return code.value if code else ""


def summarised(runs: Sequence[ShadowRun]) -> dict[str, Any]:
    """How far a shadow agrees with the active version over all its runs.

    Dice: count, mean and lowest by segment. Measurements: count, mean of the active version,
    mean difference (shadow less active), mean of the difference's size.
    """
    done = [run for run in runs if run.state == "DONE"]
    dice: dict[str, list[float]] = {}
    pairs: dict[str, list[tuple[float, float]]] = {}
    units: dict[str, str] = {}
    for run in done:
        for label, value in run.agreement.get("segments", {}).items():
            dice.setdefault(label, []).append(value)
        for label, both in run.agreement.get("measurements", {}).items():
            units[label] = both["unit"]
            if both["active"] is not None and both["shadow"] is not None:
                pairs.setdefault(label, []).append((both["active"], both["shadow"]))
    return {
        "runs": len(runs),
        "done": len(done),
        "waiting": sum(run.state == "WAITING" for run in runs),
        "compared": sum(bool(run.agreement.get("active_version")) for run in done),
        "failures": [run.reason for run in runs if run.state == "FAILED"][:20],
        "segments": [
            {"label": label, "count": len(values), "mean_dice": _mean(values),
             "lowest_dice": min(values)}
            for label, values in dice.items()
        ],
        "measurements": [
            {"label": label, "unit": units[label], "count": len(both),
             "mean_active": _mean([active for active, _ in both]),
             "mean_difference": _mean([shadow - active for active, shadow in both]),
             "mean_absolute_difference": _mean([abs(shadow - active) for active, shadow in both])}
            for label, both in pairs.items()
        ],
    }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
