"""A regression of images on every case: its numbers beside those that are true."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from inference.evaluation.cases import case_folders, groups_of, refusal_text
from inference.evaluation.evaluation_run import EvaluationRun, Failed, facts_of
from inference.evaluation.image_cases import read_images, results_of, truth_of
from inference.evaluation.number_measures import NumberAgreement, number_agreement
from inference.evaluation.reference_table import read_number_reference
from inference.models.card import Provable
from inference.models.cards.card_gate import NUMBER_METRICS
from inference.pipeline import Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.core.errors import MediViewError
from storage.settings import Settings


@dataclass(frozen=True)
class MeasuredNumber:
    """One number of one case: the mean of its images, and what is true."""

    case: str
    name: str
    found: float
    true: float


@dataclass(frozen=True, kw_only=True)
class NumberEvaluation(EvaluationRun):
    measured: tuple[MeasuredNumber, ...]
    units: Mapping[str, str]
    """Of each number of the model, UCUM."""

    @cached_property
    def numbers(self) -> list[NumberAgreement]:
        """Those that the reference states, in the order of the card."""
        return self._agreements(self.measured)

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is left out."""
        return {
            **self.stated(),
            "metrics": self.counts() | _metrics(self.numbers),
            "numbers": {one.name: {**one.metrics(), "unit": one.unit} for one in self.numbers},
            "subgroups": self._subgroups(),
            "failures": self.failures(),
            "cases": [
                {"case": one.case, "number": one.name, "found": one.found, "true": one.true}
                for one in self.measured
            ],
        }

    def of(self, name: str) -> list[MeasuredNumber]:
        return [one for one in self.measured if one.name == name]

    def _agreements(self, measured: Collection[MeasuredNumber]) -> list[NumberAgreement]:
        agreements = []
        for name, unit in self.units.items():
            same = [one for one in measured if one.name == name]
            if same:
                found, true = [one.found for one in same], [one.true for one in same]
                agreements.append(number_agreement(name, unit, found, true))
        return agreements

    def _subgroups(self) -> dict[str, dict[str, dict[str, float]]]:
        """By kind and group, of a model with one number."""
        if len(self.units) > 1:
            return {}
        kinds = dict.fromkeys(kind for groups in self.groups.values() for kind in groups)
        return {
            kind: {
                group: self._agreements(
                    [one for one in self.measured if self.groups[one.case][kind] == group]
                )[0].metrics()
                for group in sorted({groups[kind] for groups in self.groups.values()})
            }
            for kind in kinds
        }


def _metrics(numbers: Sequence[NumberAgreement]) -> dict[str, float]:
    """What a gate may ask: of several numbers nothing, as they have no unit in common."""
    if len(numbers) != 1:
        return {}
    measured = numbers[0].metrics()
    return {name: measured[name] for name in NUMBER_METRICS if name in measured}


def measures_images(pipeline: Pipeline) -> bool:
    """Whether it gives numbers of single images, one by one and without earlier ones."""
    return (
        isinstance(pipeline, ImageModelPipeline)
        and pipeline.model.kind == "image-regression"
        and not pipeline.model.card.inputs
        and pipeline.image_prior is None
    )


def evaluate_numbers(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> NumberEvaluation:
    """Run a regression on every case below `folder`; nothing is stored in the node.

    A case that cannot be used, or that the pipeline refuses, is a failure with its reason.
    Raises ModelUnusable where the model itself does not work, InvalidRequest.
    """
    units = {one.label: one.unit for one in pipeline.model.card.model.numbers.values()}
    paths = case_folders(folder)
    reference = read_number_reference(folder, units)
    if isinstance(pipeline, Provable):
        pipeline.prove()
    measured: list[MeasuredNumber] = []
    failed: list[Failed] = []
    groups: dict[str, dict[str, str]] = {}
    for path in paths:
        on_case(path.name)
        try:
            truth = truth_of(reference, path.name)
            images = read_images(path)
            found = _numbers(settings, pipeline, images)
        except MediViewError as error:
            failed.append(Failed(path.name, refusal_text(error)))
            continue
        measured += [MeasuredNumber(path.name, one, found[one], truth[one]) for one in truth]
        groups[path.name] = groups_of(images[0])
    return NumberEvaluation(
        **facts_of(pipeline),
        failed=tuple(failed),
        groups=groups,
        measured=tuple(measured),
        units=units,
    )


def _numbers(
    settings: Settings, pipeline: ImageModelPipeline, images: Sequence[Dataset]
) -> dict[str, float]:
    """By name the mean over all images that the model takes."""
    values: dict[str, list[float]] = {}
    for image in results_of(settings, pipeline, images):
        for one in image.measurements:
            values.setdefault(one.label, []).append(one.value)
    return {name: math.fsum(found) / len(found) for name, found in values.items()}
