"""A pipeline on every case: what it measured, where it failed, for whom it is worse."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inference.evaluation.case_guard import guarded_case
from inference.evaluation.cases import (
    BadCase,
    Case,
    case_folders,
    read_case,
    refusal_text,
    series_of,
)
from inference.evaluation.evaluation_run import EvaluationRun, Failed, facts_of
from inference.evaluation.measures import SURFACE_TOLERANCE_MM, Agreement, agreement
from inference.evaluation.study_cases import StudyCases, check_inputs, study_cases
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.study_inputs import inputs_of
from inference.models.card import Provable
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
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


@dataclass(frozen=True, kw_only=True)
class Evaluation(EvaluationRun):
    measured: tuple[Measured, ...]

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is null."""
        return {
            **self.stated(),
            "surface_tolerance_mm": SURFACE_TOLERANCE_MM,
            "metrics": self.counts() | metrics_of(self.measured),
            "segments": {
                name: _of_group(same) for name, same in _by(self.measured, _segment).items()
            },
            "subgroups": self.by_group(self._of_cases),
            "failures": self.failures(),
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

    def _of_cases(self, cases: Collection[str]) -> dict[str, float]:
        return _of_group([one for one in self.measured if one.case in cases])


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
    if pipeline.input_kind != "volume":
        raise InvalidRequest(
            f"{pipeline.name} takes several images, or a prior, or finds landmarks, and there is no"
            " evaluation of such a model yet.",
            remedy="Models of volumes can be evaluated, and those that classify, segment, find"
            " boxes in or state numbers of single images.",
        )
    check_inputs(pipeline)
    if isinstance(pipeline, Provable):
        pipeline.prove()
    with ExitStack() as opened:
        measure = partial(_measure, settings, pipeline)
        if inputs_of(pipeline):
            cases = opened.enter_context(study_cases(settings))
            measure = partial(_measure_study, cases, pipeline)
        return _evaluated(pipeline, folder, measure, on_case)


def _evaluated(
    pipeline: Pipeline,
    folder: Path,
    measure: Callable[[Path], tuple[Case, list[Measured]]],
    on_case: Callable[[str], None],
) -> Evaluation:
    measured: list[Measured] = []
    failed: list[Failed] = []
    groups: dict[str, dict[str, str]] = {}
    for path in case_folders(folder):
        on_case(path.name)
        try:
            case, found = measure(path)
            measured += found
            groups[case.name] = case.groups
        except MediViewError as error:
            failed.append(Failed(path.name, refusal_text(error)))
    return Evaluation(
        **facts_of(pipeline), measured=tuple(measured), failed=tuple(failed), groups=groups
    )


def _measure_study(
    cases: StudyCases, pipeline: Pipeline, path: Path
) -> tuple[Case, list[Measured]]:
    case, output, volume = cases.run(pipeline, path)
    return case, compare(case, output, volume)


def _measure(settings: Settings, pipeline: Pipeline, path: Path) -> tuple[Case, list[Measured]]:
    case = read_case(path)
    acceptance = pipeline.accepts(series_of(case.images), (), case.images)
    if not acceptance.accepted:
        raise BadCase(acceptance.reason)
    volume = assemble_volume(case.images, tilted=resamples_tilt(pipeline))
    given = tuple(case.images) if takes_instances(pipeline) else ()
    context = PipelineContext(settings, volume, images=given)
    with guarded_case(str(case.images[0].get("StudyInstanceUID", ""))):
        output, _ = with_fallback(lambda: run_with_coverage(pipeline, context))
    return case, compare(case, output, volume)


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
