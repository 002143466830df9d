"""A classification of images on every case: which labels it gives, beside those that are true."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from inference.evaluation.evaluation_run import EvaluationRun, facts_of
from inference.evaluation.images.cases import Compared, compare_cases, takes_single_images
from inference.evaluation.images.label_measures import (
    LabelAgreement,
    label_agreement,
    metrics_of_labels,
)
from inference.evaluation.images.reference_table import read_label_reference
from inference.pipeline import ImageResult, Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.description import ImageModelDescription
from storage.settings import Settings

_DEFAULT_THRESHOLD = 0.5


Scored = Compared[bool]
"""One label of one case: the highest probability of its images, and what is true."""


@dataclass(frozen=True, kw_only=True)
class LabelEvaluation(EvaluationRun):
    scored: tuple[Scored, ...]
    thresholds: Mapping[str, float]
    """By label of the model: from which probability on it counts as found."""

    @cached_property
    def labels(self) -> list[LabelAgreement]:
        """Those that the reference states, in the order of the model."""
        return self._agreements(self.scored, with_intervals=True)

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is left out."""
        labels = self.labels
        return {
            **self.stated(),
            "metrics": self.counts() | metrics_of_labels(labels),
            "labels": {one.label: one.metrics() | {"threshold": one.threshold} for one in labels},
            "subgroups": self.by_group(self._of_cases),
            "failures": self.failures(),
            "cases": [
                {
                    "case": one.case,
                    "label": one.name,
                    "probability": one.found,
                    "is_present": one.true,
                }
                for one in self.scored
            ],
        }

    def _agreements(
        self, scored: Collection[Scored], *, with_intervals: bool
    ) -> list[LabelAgreement]:
        found = []
        for label, threshold in self.thresholds.items():
            of_label = [one for one in scored if one.name == label]
            if of_label:
                scores = [one.found for one in of_label]
                truth = [one.true for one in of_label]
                found.append(
                    label_agreement(label, scores, truth, threshold, with_intervals=with_intervals)
                )
        return found

    def _of_cases(self, cases: Collection[str]) -> dict[str, float]:
        """Without intervals: groups are small, and there are many."""
        scored = [one for one in self.scored if one.case in cases]
        agreements = self._agreements(scored, with_intervals=False)
        return {"cases": float(len(cases))} | metrics_of_labels(agreements)


def classifies_images(pipeline: Pipeline) -> bool:
    return takes_single_images(pipeline, "image-classification")


def evaluate_labels(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> LabelEvaluation:
    """Run a classification on every case below `folder` (`compare_cases`).

    Raises ModelUnusable, InvalidRequest.
    """
    thresholds = _thresholds(pipeline.model)
    reference = read_label_reference(folder, thresholds)
    compared = compare_cases(
        settings, _stating_all(pipeline), folder, reference, _probabilities, max, on_case
    )
    return LabelEvaluation(
        **facts_of(pipeline),
        failed=tuple(compared.failed),
        groups=compared.groups,
        scored=tuple(compared.values),
        thresholds=thresholds,
    )


def _probabilities(image: ImageResult) -> Iterator[tuple[str, float]]:
    return ((one.label, one.confidence) for one in image.classifications)


def _thresholds(model: ImageModelDescription) -> dict[str, float]:
    stated = model.card.model.thresholds
    return {
        model.segment(value).label: stated.get(str(value), _DEFAULT_THRESHOLD)
        for value in model.labels
        if value != model.background
    }


def _stating_all(pipeline: ImageModelPipeline) -> ImageModelPipeline:
    """The same model with every label in its answer, also those that results leave out."""
    card = pipeline.model.card
    states_all = card.model.model_copy(
        update={"labels_at_most": len(pipeline.model.labels), "heat_map": None}
    )
    described = pipeline.model.model_copy(
        update={"card": card.model_copy(update={"model": states_all})}
    )
    return type(pipeline)(described)
