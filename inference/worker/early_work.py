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
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.selection import Selection
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import Standing, offered
from inference.model_registry.verification import ensure_proven
from inference.models.devices import with_fallback
from inference.models.model_cache import free_memory_bytes
from inference.pipeline import Pipeline, PipelineContext, begins_early, takes_instances
from inference.process_memory import collect_after_job
from inference.rules.card_condition import received_as_known
from inference.rules.file import current_rules
from inference.running_jobs import noted
from inference.scheduling.deciding import DecisionStorage
from inference.scheduling.early_series import early_series
from inference.scheduling.schedule_one_series import (
    Candidate,
    judge_series,
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
        deadline_s = min(_DEADLINE_S, storage.settings.job_deadline_s)
        try:
            with noted("early", "", owner, "early", deadline_s):
                if _Early(storage, series, stopping).compute(pipelines, is_ours):
                    return True
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


def _askable(
    storage: EarlyStorage, pipelines: Sequence[Pipeline] | None, is_ours: Callable[[str], bool]
) -> list[Standing]:
    return [
        one
        for one in offered(storage.settings, storage.model_states, pipelines)
        if begins_early(one.pipeline)
        and one.pipeline.input_kind == "volume"
        and not inputs_of(one.pipeline)
        and not takes_instances(one.pipeline)
        and is_ours(one.pipeline.name)
    ]


def _first(
    storage: EarlyStorage, candidate: Candidate, asked: Sequence[Standing]
) -> tuple[Pipeline, Selection] | None:
    """The pipeline whose job over the series would run first, and what of it that takes."""
    best: tuple[int, Pipeline, Selection] | None = None
    rules = current_rules(storage.settings)
    for standing in asked:
        with received_as_known(storage.index.instances_of, storage.worklist):
            selection = judge_series(candidate, standing)
        if not selection.acceptance.accepted:
            continue
        ruling = ruling_on(storage.worklist, selection, candidate, standing.pipeline, rules)
        if not ruling.allowed or (ruling.rule is not None and ruling.rule.choose != "all"):
            # Which of several series is taken is only known once they are complete.
            continue
        priority = ruling.priority or 0
        if best is None or priority > best[0]:
            best = priority, standing.pipeline, selection
    return None if best is None else best[1:]


class _Early:
    """One series."""

    def __init__(self, storage: EarlyStorage, series: Series, stopping: Callable[[], bool]) -> None:
        self._storage = storage
        self._series = series
        self._stopping = stopping
        self._pipeline: Pipeline | None = None
        self._looked_at_s = 0.0

    def compute(self, pipelines: Sequence[Pipeline] | None, is_ours: Callable[[str], bool]) -> bool:
        """Whether a pipeline takes it. Raises _GaveWay, and what reading and models raise."""
        began_s = time.monotonic()
        asked = _askable(self._storage, pipelines, is_ours)
        uids = self._series.study_instance_uid, self._series.series_instance_uid
        wanted_bytes = _MEMORY_FACTOR * self._series.size_bytes + _RESERVE_BYTES
        if not asked or free_memory_bytes() < wanted_bytes:
            return False
        instances = fitting_instances(self._storage.index, self._storage.instances, *uids)
        if not instances or are_imported(instances):
            return False
        datasets = []
        # With their pixels: to read the headers first takes longer than what it might spare. What a
        # deflated series is inflated to is bounded.
        for dataset in self._storage.instances.datasets(instances):
            self._go_on()
            datasets.append(dataset)
        found = _first(self._storage, Candidate(self._series, instances, datasets), asked)
        if found is None:
            return False
        pipeline, selection = found
        self._pipeline = pipeline
        auditing.series_read_early(self._storage.audit, pipeline.name, uids[0])
        stack = selection.stack
        tilted = resamples_tilt(pipeline)
        volume = assemble_volume(stack.of(datasets), stack.frame_indices, tilted=tilted)
        drop_pixels(datasets)
        read = EarlyResult(
            pipeline.name, pipeline.version, tuple(instances), tuple(datasets), stack, volume
        )
        self._keep(read)
        self._look()
        ensure_proven(self._storage.model_states, pipeline)
        context = PipelineContext(
            self._storage.settings, volume=volume, on_progress=lambda *_: self._go_on()
        )
        output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
        self._keep(replace(read, output=output, notes=notes))
        log.info(
            "early_work_done",
            pipeline=pipeline.name,
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
            is_ours = job.series_instance_uid == series.series_instance_uid
            one = self._pipeline
            if one is not None and (job.pipeline, job.pipeline_version) != (one.name, one.version):
                is_ours = False
            if not is_ours:
                raise _GaveWay
