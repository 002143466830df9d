"""How far a model in the shadow agrees with the active version: of one run, and over all."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from inference.evaluation.cases import BadCase, truth_of_seg
from inference.evaluation.measures import dice_of
from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput
from storage.core.entities import Job
from storage.core.errors import NotFound
from storage.core.sources import is_own
from storage.dicom.dataset_reader import read_part10
from storage.findings.repository import Findings
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.model_registry.shadow_runs import MeasuredByBoth, ShadowRun


def dice_by_segment(
    instance_index: Index,
    instances: InstanceReader,
    active: Job | None,
    output: PipelineOutput,
    volume: Volume,
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
        instance = instance_index.instance(uid)
        if not is_own(instance.source):
            return {}
        truth = truth_of_seg(read_part10(BytesIO(instances.read(instance))))
    except (NotFound, BadCase):
        return {}
    found = {}
    for segment in truth.segments:
        index = next((n for n, one in enumerate(output.segments) if segment.is_that_of(one)), None)
        theirs = truth.on_grid(segment, volume)
        found[segment.label] = 0.0 if index is None else dice_of(output.mask(index), theirs)
    return found


def values_by_measurement(
    findings: Findings, active: Job | None, output: PipelineOutput
) -> dict[str, MeasuredByBoth]:
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


@dataclass(frozen=True)
class SegmentSummary:
    label: str
    count: int
    mean_dice: float
    lowest_dice: float


@dataclass(frozen=True)
class MeasurementSummary:
    """Differences are shadow less active."""

    label: str
    unit: str
    count: int
    mean_active: float
    mean_difference: float
    mean_absolute_difference: float


@dataclass(frozen=True)
class AgreementSummary:
    """How far a shadow agrees with the active version over all its runs."""

    runs: int
    done: int
    waiting: int
    compared: int
    """Of those done: where the active version had run too."""
    failures: list[str]
    segments: list[SegmentSummary]
    measurements: list[MeasurementSummary]


def summarised(runs: Sequence[ShadowRun]) -> AgreementSummary:
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
    return AgreementSummary(
        runs=len(runs),
        done=len(done),
        waiting=sum(run.state == "WAITING" for run in runs),
        compared=sum(bool(run.agreement.get("active_version")) for run in done),
        failures=[run.reason for run in runs if run.state == "FAILED"][:20],
        segments=[
            SegmentSummary(label, len(values), _mean(values), min(values))
            for label, values in dice.items()
        ],
        measurements=[
            MeasurementSummary(
                label,
                units[label],
                len(both),
                _mean([active for active, _ in both]),
                _mean([shadow - active for active, shadow in both]),
                _mean([abs(shadow - active) for active, shadow in both]),
            )
            for label, both in pairs.items()
        ],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
