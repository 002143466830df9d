"""How far a model in the shadow agrees with the active version: of one run, and over all."""

from collections.abc import Sequence
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
from storage.model_registry.shadow_runs import ShadowRun


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
