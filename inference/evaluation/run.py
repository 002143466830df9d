"""A pipeline on every case: what it measured, where it failed, for whom it is worse."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from inference.evaluation.cases import BadCase, Case, case_folders, read_case, refusal_text
from inference.evaluation.measures import SURFACE_TOLERANCE_MM, Agreement, agreement
from inference.imaging.volume import Volume, assemble_volume
from inference.models.card import Provable
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import InvalidRequest, MediViewError
from storage.settings import Settings


@dataclass(frozen=True)
class Measured:
    """One segment of one case. `missed`: it is there, and was not found."""

    case: str
    segment: str
    agreement: Agreement

    @property
    def missed(self) -> bool:
        return self.agreement.found_ml == 0.0 < self.agreement.true_ml


@dataclass(frozen=True)
class Failed:
    case: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    pipeline: str
    pipeline_version: str
    model: str
    model_version: str
    model_digest: str
    evaluated_at: datetime
    measured: tuple[Measured, ...]
    failed: tuple[Failed, ...]
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    """By case: sex, age, manufacturer, slice thickness."""

    @property
    def cases(self) -> int:
        return len(self.groups) + len(self.failed)

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is null."""
        return {
            "pipeline": self.pipeline,
            "pipeline_version": self.pipeline_version,
            "model": self.model,
            "model_version": self.model_version,
            "digest": self.model_digest,
            "evaluated_at": self.evaluated_at.isoformat(),
            "surface_tolerance_mm": SURFACE_TOLERANCE_MM,
            "metrics": {"cases": float(self.cases), "failures": float(len(self.failed))}
            | metrics_of(self.measured),
            "segments": {
                name: _of_group(same) for name, same in _by(self.measured, _segment).items()
            },
            "subgroups": self._subgroups(),
            "failures": [{"case": one.case, "reason": one.reason} for one in self.failed],
            "cases": [
                {
                    "case": one.case,
                    "segment": one.segment,
                    "dice": one.agreement.dice,
                    "surface_dice": one.agreement.surface_dice,
                    "hausdorff95_mm": _stated(one.agreement.hausdorff95_mm),
                    "found_ml": one.agreement.found_ml,
                    "true_ml": one.agreement.true_ml,
                }
                for one in self.measured
            ],
        }

    def _group(self, kind: str) -> Callable[[Measured], str]:
        return lambda one: self.groups[one.case][kind]

    def _subgroups(self) -> dict[str, dict[str, dict[str, float]]]:
        kinds = dict.fromkeys(kind for groups in self.groups.values() for kind in groups)
        return {
            kind: {
                group: _of_group(same)
                for group, same in sorted(_by(self.measured, self._group(kind)).items())
            }
            for kind in kinds
        }


def _of_group(measured: Sequence[Measured]) -> dict[str, float]:
    return {"cases": float(len({one.case for one in measured}))} | metrics_of(measured)


def metrics_of(measured: Sequence[Measured]) -> dict[str, float]:
    """The means that a gate may ask; what has no value is left out."""
    all_of = [one.agreement for one in measured]
    errors = [one.volume_error_percent for one in all_of]
    found = {
        "dice": _mean(one.dice for one in all_of),
        "dice_minimum": min((one.dice for one in all_of), default=math.nan),
        "surface_dice": _mean(one.surface_dice for one in all_of),
        "hausdorff95_mm": _mean(one.hausdorff95_mm for one in all_of),
        "volume_error_percent": _mean(abs(error) for error in errors),
        "volume_bias_percent": _mean(errors),
        "missed": float(sum(one.missed for one in measured)),
    }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def evaluate(
    settings: Settings,
    pipeline: Pipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Run the pipeline on every case below `folder`; nothing is stored in the node.

    A case that cannot be used, or that the pipeline refuses, is a failure with its reason.
    Raises ModelUnusable where the model itself does not work, InvalidRequest.
    """
    if pipeline.input_kind != "volume" or bool(getattr(pipeline, "inputs", ())):
        raise InvalidRequest(
            f"{pipeline.name} takes single images or several series.",
            remedy="Pipelines of volumes of one series can be evaluated.",
        )
    if isinstance(pipeline, Provable):
        pipeline.prove()
    measured: list[Measured] = []
    failed: list[Failed] = []
    groups: dict[str, dict[str, str]] = {}
    for path in case_folders(folder):
        on_case(path.name)
        try:
            case = read_case(path)
            measured += _measure(settings, pipeline, case)
            groups[case.name] = case.groups
        except MediViewError as error:
            failed.append(Failed(path.name, refusal_text(error)))
    card = pipeline.card
    return Evaluation(
        pipeline.name,
        pipeline.version,
        card.name,
        card.version,
        card.digest,
        utcnow(),
        tuple(measured),
        tuple(failed),
        groups,
    )


def _measure(settings: Settings, pipeline: Pipeline, case: Case) -> list[Measured]:
    acceptance = pipeline.accepts(_series(case), (), case.images)
    if not acceptance.accepted:
        raise BadCase(acceptance.reason)
    volume = assemble_volume(case.images, tilted=resamples_tilt(pipeline))
    given = tuple(case.images) if takes_instances(pipeline) else ()
    context = PipelineContext(settings, volume, images=given)
    output, _ = with_fallback(lambda: run_with_coverage(pipeline, context))
    return compare(case, output, volume)


def compare(case: Case, output: PipelineOutput, volume: Volume) -> list[Measured]:
    """Each segment of the truth against the one of the output that is the same structure."""
    measured = []
    for segment in case.truth.segments:
        true = case.truth.on_grid(segment, volume)
        index = next((n for n, one in enumerate(output.segments) if segment.is_that_of(one)), None)
        found = np.zeros_like(true) if index is None else output.mask(index)
        if not true.any() and not found.any():
            continue
        one = agreement(found, true, volume.spacing_mm, volume.voxel_volume_mm3)
        measured.append(Measured(case.name, segment.label, one))
    if not measured:
        raise BadCase("None of the segments of its truth is in the images.")
    return measured


def _series(case: Case) -> Series:
    """The row that a pipeline judges by, as the index would hold it."""
    first, now = case.images[0], utcnow()
    return Series(
        series_instance_uid=str(first.get("SeriesInstanceUID", "")),
        study_instance_uid=str(first.get("StudyInstanceUID", "")),
        modality=str(first.get("Modality", "")),
        series_number=None,
        series_description=str(first.get("SeriesDescription") or ""),
        body_part_examined=str(first.get("BodyPartExamined") or ""),
        protocol_name=str(first.get("ProtocolName") or ""),
        frame_of_reference_uid=str(first.get("FrameOfReferenceUID") or ""),
        manufacturer=str(first.get("Manufacturer") or ""),
        state="COMPLETE",
        origin="received",
        fingerprint="",
        first_instance_at=now,
        last_instance_at=now,
        completed_at=now,
        instance_count=len(case.images),
        size_bytes=0,
    )


def _segment(one: Measured) -> str:
    return one.segment


def _by(measured: Iterable[Measured], key: Callable[[Measured], str]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for one in measured:
        found.setdefault(key(one), []).append(one)
    return found


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _stated(value: float) -> float | None:
    return value if math.isfinite(value) else None
