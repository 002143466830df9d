"""Computing a series while it might still grow, by a worker that has nothing else to do.

What comes of it is kept in memory, for the job that is made once the series is complete. Anything
that goes wrong here is the job's to find again, and to report.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from inference import auditing
from inference.failures import place
from inference.imaging.volume import assemble_volume
from inference.input_selection.early_results import EARLY, EarlyResult, drop_pixels
from inference.input_selection.selection import stack_for
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import Standing, offered
from inference.model_registry.verification import ensure_proven
from inference.models.devices import with_fallback
from inference.models.model_cache import free_memory_bytes
from inference.pipeline import Pipeline, PipelineContext, begins_early, takes_instances
from inference.process_memory import collect_after_job
from inference.rules.file import current_rules
from inference.running_jobs import noted
from inference.scheduling.deciding import DecisionStorage
from inference.scheduling.early_series import early_series
from inference.scheduling.schedule_one_series import (
    Candidate,
    judge_series,
    read_candidate,
    ruling_on,
)
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
from storage.container.has import HasAudit
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.sources import are_imported

log = structlog.get_logger(__name__)

_LOOKS_EVERY_S = 0.5
# Longer, and the process is ended: jobs wait for it.
_DEADLINE_S = 300.0
# Above the quiet time: a round of the clock, and until the job is claimed.
_KEPT_S = 30.0
# Of the bytes of a series: read, as voxels, and what a model makes of them.
_MEMORY_FACTOR = 8
_RESERVE_BYTES = 2 * 1024**3


class EarlyStorage(DecisionStorage, HasAudit, Protocol):
    """What of the storage layer a series is judged and read with."""


class _GaveWay(Exception):
    """The series has grown, another job is due, or the worker stops."""


def compute_early(
    storage: EarlyStorage,
    owner: str,
    pipelines: Sequence[Pipeline] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    is_ours: Callable[[str], bool] = lambda _: True,
) -> bool:
    """Compute the series that will be complete first, if any is taken; whether there is a result.

    `is_ours` says whether this worker runs a pipeline of that name.
    """
    for series in early_series(storage.settings, storage.index, utcnow()):
        try:
            pipeline = _taken_by(storage, series, pipelines, is_ours)
            if pipeline is None:
                continue
            title = f"{pipeline.name} {pipeline.version}"
            deadline_s = min(_DEADLINE_S, storage.settings.job_deadline_s)
            with noted("early", "", owner, title, deadline_s):
                return _Early(storage, series, pipeline, stopping).compute()
        except _GaveWay:
            log.info("early_work_gave_way", series_instance_uid=series.series_instance_uid)
            return False
        except Exception as error:  # noqa: BLE001 - the edge of an attempt: the job does it again
            log.info(
                "early_work_failed",
                series_instance_uid=series.series_instance_uid,
                error=type(error).__name__,
                place=place(error),
            )
            return False
        finally:
            collect_after_job()
    return False


def _taken_by(
    storage: EarlyStorage,
    series: Series,
    pipelines: Sequence[Pipeline] | None,
    is_ours: Callable[[str], bool],
) -> Pipeline | None:
    """The pipeline whose job over the series would run first, if it may be computed early."""
    known = [
        one
        for one in offered(storage.settings, storage.model_states, pipelines)
        if begins_early(one.pipeline)
        and one.pipeline.input_kind == "volume"
        and not inputs_of(one.pipeline)
        and not takes_instances(one.pipeline)
        and is_ours(one.pipeline.name)
    ]
    if not known or free_memory_bytes() < _MEMORY_FACTOR * series.size_bytes + _RESERVE_BYTES:
        return None
    instances = storage.index.instances_of(series.study_instance_uid, series.series_instance_uid)
    if not instances or are_imported(instances):
        return None
    candidate = read_candidate(storage.instances, series, instances)
    best: tuple[int, Pipeline] | None = None
    for standing in known:
        priority = _priority(storage, candidate, standing)
        if priority is not None and (best is None or priority > best[0]):
            best = priority, standing.pipeline
    return None if best is None else best[1]


def _priority(storage: EarlyStorage, candidate: Candidate, standing: Standing) -> int | None:
    """That of the job; None where the pipeline, or the site, would not take the series."""
    selection = judge_series(candidate, standing)
    if not selection.acceptance.accepted:
        return None
    rules = current_rules(storage.settings)
    ruling = ruling_on(selection, candidate, standing.pipeline, rules)
    if ruling.rule is None:
        return 0 if ruling.allowed else None
    # Which of several series is taken is only known once they are complete.
    return ruling.rule.priority if ruling.allowed and ruling.rule.choose == "all" else None


class _Early:
    """One series, one pipeline."""

    def __init__(
        self,
        storage: EarlyStorage,
        series: Series,
        pipeline: Pipeline,
        stopping: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._series = series
        self._pipeline = pipeline
        self._stopping = stopping
        self._looked_at_s = 0.0

    def compute(self) -> bool:
        """Raises _GaveWay, and whatever reading and models raise."""
        began_s = time.monotonic()
        uids = self._series.study_instance_uid, self._series.series_instance_uid
        auditing.series_read_early(self._storage.audit, self._pipeline.name, uids[0])
        instances = self._storage.index.instances_of(*uids)
        datasets = []
        for instance in instances:
            self._go_on()
            datasets.append(self._storage.instances.dataset(instance))
        stack = stack_for(self._pipeline, self._series, instances, datasets)
        tilted = resamples_tilt(self._pipeline)
        volume = assemble_volume(stack.of(datasets), stack.frame_indices, tilted=tilted)
        drop_pixels(datasets)
        read = EarlyResult(
            self._pipeline.name,
            self._pipeline.version,
            tuple(instances),
            tuple(datasets),
            stack,
            volume,
        )
        self._keep(read)
        self._look()
        ensure_proven(self._storage.model_states, self._pipeline)
        context = PipelineContext(
            self._storage.settings, volume=volume, on_progress=lambda *_: self._go_on()
        )
        output, notes = with_fallback(lambda: run_with_coverage(self._pipeline, context))
        self._keep(replace(read, output=output, notes=notes))
        log.info(
            "early_work_done",
            pipeline=self._pipeline.name,
            series_instance_uid=uids[1],
            seconds=round(time.monotonic() - began_s, 1),
        )
        return True

    def _keep(self, result: EarlyResult) -> None:
        EARLY.keep(result, self._storage.settings.series_quiet_s + _KEPT_S)

    def _go_on(self) -> None:
        """Raises _GaveWay where this is in the way of something, or for nothing."""
        if self._stopping():
            raise _GaveWay
        now_s = time.monotonic()
        if now_s - self._looked_at_s >= _LOOKS_EVERY_S:
            self._looked_at_s = now_s
            self._look()

    def _look(self) -> None:
        series = self._series
        now = self._storage.index.series(series.study_instance_uid, series.series_instance_uid)
        if (now.last_instance_at, now.instance_count) != (
            series.last_instance_at,
            series.instance_count,
        ):
            raise _GaveWay
        for job in self._storage.jobs.due(utcnow(), 1):
            if (job.series_instance_uid, job.pipeline, job.pipeline_version) != (
                series.series_instance_uid,
                self._pipeline.name,
                self._pipeline.version,
            ):
                raise _GaveWay
