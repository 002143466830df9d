"""A regression of images on every case: its numbers beside those that are true."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from inference.evaluation.evaluation_run import EvaluationRun, facts_of
from inference.evaluation.images.cases import Compared, compare_cases, takes_single_images
from inference.evaluation.images.number_measures import NumberAgreement, number_agreement
from inference.evaluation.images.reference_table import read_number_reference
from inference.models.cards.card_gate import NUMBER_METRICS
from inference.pipeline import ImageResult, Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.settings import Settings

MeasuredNumber = Compared[float]
"""One number of one case: the mean of its images, and what is true."""


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
            "subgroups": self.by_group(self._of_cases) if len(self.units) == 1 else {},
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

    def _of_cases(self, cases: Collection[str]) -> dict[str, float]:
        """Of a model with one number."""
        (agreement,) = self._agreements([one for one in self.measured if one.case in cases])
        return agreement.metrics()


def _metrics(numbers: Sequence[NumberAgreement]) -> dict[str, float]:
    """What a gate may ask: of several numbers nothing, as they have no unit in common."""
    if len(numbers) != 1:
        return {}
    measured = numbers[0].metrics()
    return {name: measured[name] for name in NUMBER_METRICS if name in measured}


def measures_images(pipeline: Pipeline) -> bool:
    return takes_single_images(pipeline, "image-regression")


def evaluate_numbers(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> NumberEvaluation:
    """Run a regression on every case below `folder` (`compare_cases`).

    Raises ModelUnusable, InvalidRequest.
    """
    units = {one.label: one.unit for one in pipeline.model.card.model.numbers.values()}
    reference = read_number_reference(folder, units)
    compared = compare_cases(settings, pipeline, folder, reference, _numbers, fmean, on_case)
    return NumberEvaluation(
        **facts_of(pipeline),
        failed=tuple(compared.failed),
        groups=compared.groups,
        measured=tuple(compared.values),
        units=units,
    )


def _numbers(image: ImageResult) -> Iterator[tuple[str, float]]:
    return ((one.label, one.value) for one in image.measurements)
