"""A classification of images on every case: which labels it gives, beside those that are true."""

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
from inference.evaluation.label_measures import LabelAgreement, label_agreement, metrics_of_labels
from inference.evaluation.reference_table import read_label_reference
from inference.models.card import Provable
from inference.pipeline import Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.description import ImageModelDescription
from storage.core.errors import MediViewError
from storage.settings import Settings

_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Scored:
    """One label of one case: the highest probability of its images, and what is true."""

    case: str
    label: str
    score: float
    is_present: bool


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
            "subgroups": self._subgroups(),
            "failures": self.failures(),
            "cases": [
                {
                    "case": one.case,
                    "label": one.label,
                    "probability": one.score,
                    "is_present": one.is_present,
                }
                for one in self.scored
            ],
        }

    def _agreements(
        self, scored: Collection[Scored], *, with_intervals: bool
    ) -> list[LabelAgreement]:
        found = []
        for label, threshold in self.thresholds.items():
            of_label = [one for one in scored if one.label == label]
            if of_label:
                scores = [one.score for one in of_label]
                truth = [one.is_present for one in of_label]
                found.append(
                    label_agreement(label, scores, truth, threshold, with_intervals=with_intervals)
                )
        return found

    def _subgroups(self) -> dict[str, dict[str, dict[str, float]]]:
        """Without intervals: groups are small, and there are many."""
        kinds = dict.fromkeys(kind for groups in self.groups.values() for kind in groups)
        return {
            kind: {
                group: self._of_group(kind, group)
                for group in sorted({groups[kind] for groups in self.groups.values()})
            }
            for kind in kinds
        }

    def _of_group(self, kind: str, group: str) -> dict[str, float]:
        scored = [one for one in self.scored if self.groups[one.case][kind] == group]
        cases = float(len({one.case for one in scored}))
        return {"cases": cases} | metrics_of_labels(self._agreements(scored, with_intervals=False))


def classifies_images(pipeline: Pipeline) -> bool:
    """Whether it labels single images, one by one and without earlier ones."""
    return (
        isinstance(pipeline, ImageModelPipeline)
        and pipeline.model.kind == "image-classification"
        and not pipeline.model.card.inputs
        and pipeline.image_prior is None
    )


def evaluate_labels(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> LabelEvaluation:
    """Run a classification on every case below `folder`; nothing is stored in the node.

    A case that cannot be used, or that the pipeline refuses, is a failure with its reason.
    Raises ModelUnusable where the model itself does not work, InvalidRequest.
    """
    thresholds = _thresholds(pipeline.model)
    paths = case_folders(folder)
    reference = read_label_reference(folder, thresholds)
    stating_all = _stating_all(pipeline)
    if isinstance(stating_all, Provable):
        stating_all.prove()
    scored: list[Scored] = []
    failed: list[Failed] = []
    groups: dict[str, dict[str, str]] = {}
    for path in paths:
        on_case(path.name)
        try:
            truth = truth_of(reference, path.name)
            images = read_images(path)
            scores = _scores(settings, stating_all, images)
        except MediViewError as error:
            failed.append(Failed(path.name, refusal_text(error)))
            continue
        scored += [Scored(path.name, label, scores[label], truth[label]) for label in truth]
        groups[path.name] = groups_of(images[0])
    return LabelEvaluation(
        **facts_of(pipeline),
        failed=tuple(failed),
        groups=groups,
        scored=tuple(scored),
        thresholds=thresholds,
    )


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


def _scores(
    settings: Settings, pipeline: ImageModelPipeline, images: Sequence[Dataset]
) -> dict[str, float]:
    """By label the highest probability of all images that the model takes."""
    scores: dict[str, float] = {}
    for image in results_of(settings, pipeline, images):
        for one in image.classifications:
            scores[one.label] = max(scores.get(one.label, -math.inf), one.confidence)
    return scores
