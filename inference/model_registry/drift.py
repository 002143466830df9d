"""Whether what a pipeline sees and gives is still what it was: distributions by scanner.

The first jobs of a scanner are the baseline. The newest are compared with it by the population
stability index over tenths of the baseline, and by the distance of Kolmogorov and Smirnov.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.model_registry.observed import Measures, as_kept, given_in
from inference.pipeline import PipelineOutput
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.model_registry.drift import Drift, DriftAlert, Observation

log = structlog.get_logger(__name__)

BASELINE_JOBS = 100
WINDOW_JOBS = 50
# Fewer say too little.
_LEAST_BASELINE, _LEAST_WINDOW = 30, 30
_BINS = 10
# A share of nothing has no logarithm.
_LEAST_SHARE = 0.005
ALERT_STABILITY_INDEX = 0.25
"""Above it a population is commonly considered to have shifted."""
ALERT_PROBABILITY = 0.001
"""Of so large a distance by chance alone; both must speak for an alert."""
_SCANNER = ("Manufacturer", "ManufacturerModelName", "StationName")


@dataclass(frozen=True)
class Shift:
    """One measure of one scanner: how far the newest jobs are from the baseline."""

    pipeline: str
    pipeline_version: str
    scanner: str
    measure: str
    baseline_count: int
    baseline_median: float
    recent_count: int
    recent_median: float
    stability_index: float
    distance: float
    probability: float

    @property
    def alerts(self) -> bool:
        return self.stability_index > ALERT_STABILITY_INDEX and self.probability < ALERT_PROBABILITY


def scanner_of(source: Dataset) -> str:
    """The machine that made an image, in words of its maker."""
    named = [str(source.get(keyword) or "").strip() for keyword in _SCANNER]
    return " / ".join(name for name in named if name)[:200] or "not stated"


def observe(
    drift: Drift, job: Job, source: Dataset, seen: Measures, output: PipelineOutput
) -> list[DriftAlert]:
    """Keep what a job saw and gave, and raise alerts that are new; those.

    `seen`: by `seen_by`, while the voxels are there.
    """
    scanner = scanner_of(source)
    drift.observe(
        Observation(
            job.job_id,
            job.pipeline,
            job.pipeline_version,
            scanner,
            job.study_instance_uid,
            as_kept(seen, given_in(output)),
            utcnow(),
        )
    )
    shifts = shifts_of(drift, job.pipeline, job.pipeline_version, scanner)
    now = utcnow()
    alerts = [
        DriftAlert(
            one.pipeline,
            one.pipeline_version,
            one.scanner,
            one.measure[:160],
            one.stability_index,
            one.distance,
            now,
        )
        for one in shifts
        if one.alerts
    ]
    new = drift.settle(job.pipeline, job.pipeline_version, scanner, alerts, now)
    for one in new:
        log.warning("model_drift", pipeline=one.pipeline, measure=one.measure)
    return new


def all_shifts(drift: Drift, pipeline: str | None = None) -> list[Shift]:
    """What has shifted most first."""
    found = [
        shift
        for name, version in drift.pipelines()
        if pipeline in (None, name)
        for shift in shifts_of(drift, name, version)
    ]
    return sorted(found, key=lambda one: (not one.alerts, -one.stability_index))


def shifts_of(drift: Drift, pipeline: str, version: str, scanner: str | None = None) -> list[Shift]:
    """Every measure of which there is enough to compare, by scanner."""
    by_scanner: dict[str, list[Observation]] = {}
    for one in drift.observations(pipeline, version, scanner):
        by_scanner.setdefault(one.scanner, []).append(one)
    shifts = []
    for name, all_of in sorted(by_scanner.items()):
        # While there are few, the first half has to do as the baseline.
        size = min(BASELINE_JOBS, max(_LEAST_BASELINE, len(all_of) // 2))
        baseline, recent = all_of[:size], all_of[size:][-WINDOW_JOBS:]
        if len(baseline) < _LEAST_BASELINE or len(recent) < _LEAST_WINDOW:
            continue
        for measure in dict.fromkeys(key for one in recent for key in one.measured):
            before, now = _values(baseline, measure), _values(recent, measure)
            if len(before) >= _LEAST_BASELINE and len(now) >= _LEAST_WINDOW:
                shifts.append(_shift(pipeline, version, name, measure, before, now))
    return shifts


def stability_index(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """The population stability index over tenths of `before`; 0 where both are alike."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = [
        np.maximum(
            np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
            / len(values),
            _LEAST_SHARE,
        )
        for values in (before, now)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shift(
    pipeline: str,
    version: str,
    scanner: str,
    measure: str,
    before: NDArray[np.float64],
    now: NDArray[np.float64],
) -> Shift:
    from scipy.stats import ks_2samp

    test = ks_2samp(before, now)
    return Shift(
        pipeline,
        version,
        scanner,
        measure,
        len(before),
        float(np.median(before)),
        len(now),
        float(np.median(now)),
        stability_index(before, now),
        float(test.statistic),
        float(test.pvalue),
    )


def _values(observations: Sequence[Observation], measure: str) -> NDArray[np.float64]:
    return np.array(
        [one.measured[measure] for one in observations if measure in one.measured], np.float64
    )
