"""How far a model in the shadow agrees with the active version: of one run, and over all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inference.findings.build import build_findings
from inference.pipeline import Pipeline
from inference.scheduling.shadow_masks import dice_by_segment, dice_in_images
from storage.container.has import HasFindings, HasIndex, HasInstances
from storage.core.entities import Job
from storage.core.findings import Finding
from storage.model_registry.shadow_runs import MeasuredByBoth, ShadowAgreement, ShadowRun

if TYPE_CHECKING:
    # With what encodes results, which the API needs for nothing else.
    from inference.job_loading.unstored import UnstoredRun


class AgreementStorage(HasIndex, HasInstances, HasFindings, Protocol):
    """What of the storage layer the results of the active version are read from."""


def agreement_of(
    storage: AgreementStorage, active: Job | None, run: "UnstoredRun", pipeline: Pipeline
) -> ShadowAgreement:
    """Of one run with the job of the active version on the same input, where there is one."""
    findings = [] if active is None else storage.findings.of_job(active.job_id)
    ours = build_findings(run.job, pipeline, run.output)
    volume, segments = run.context.volume, dict[str, float]()
    if active is not None and volume is not None:
        segments = dice_by_segment(storage.index, storage.instances, active, run.output, volume)
    elif active is not None:
        segments = dice_in_images(storage.index, storage.instances, active, findings, run.output)
    return {
        "active_version": active.pipeline_version if active else "",
        "segments": segments,
        "measurements": values_by_measurement(findings, ours),
        "notes": list(run.notes),
    }


def values_by_measurement(
    theirs: Sequence[Finding], ours: Sequence[Finding]
) -> dict[str, MeasuredByBoth]:
    """Both values of each measurement and of each answer's probability; null where one of the two
    has none."""
    active, shadow = _numbers(theirs), _numbers(ours)
    return {
        key: {
            "active": active[key][0] if key in active else None,
            "shadow": shadow[key][0] if key in shadow else None,
            "unit": (shadow.get(key) or active[key])[1],
            "label": (shadow.get(key) or active[key])[2],
        }
        for key in dict.fromkeys([*active, *shadow])
    }


def _numbers(findings: Sequence[Finding]) -> dict[str, tuple[float, str, str]]:
    """Value, unit and label, by the label and, of one image, by which it is. Boxes are compared by
    where they lie, since none of them is that of the other version by its number."""
    found: dict[str, tuple[float, str, str]] = {}
    for one in findings:
        value = one.confidence if one.value is None else one.value
        at = one.image
        if value is None or (at is not None and at.points and one.value is None):
            continue
        key = one.label if at is None else f"{one.label} in {at.sop_instance_uid}"
        if at is not None and at.frame_number is not None and one.value is not None:
            key = f"{key} frame {at.frame_number}"
        unit = one.unit.value if one.unit is not None else ""
        found[key] = value, unit, one.label
    return found


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
        for key, both in run.agreement.get("measurements", {}).items():
            # Of one image among several, the key names it as well.
            label = both.get("label", key)
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
