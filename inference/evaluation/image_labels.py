"""A classification of images on every case: which labels it gives, beside those that are true."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.evaluation.cases import BadCase, case_folders, groups_of, refusal_text, series_of
from inference.evaluation.evaluation_run import EvaluationRun, Failed, facts_of
from inference.evaluation.label_measures import LabelAgreement, label_agreement, metrics_of_labels
from inference.evaluation.label_reference import REFERENCE_FILES, Labels, read_label_reference
from inference.models.card import Provable
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.description import ImageModelDescription
from storage.core.errors import MediViewError
from storage.core.untrusted_input.folder_walk import files_below
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
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
            truth = _truth(reference, path.name)
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


def _truth(reference: Mapping[str, Labels], case: str) -> Labels:
    if case not in reference:
        raise BadCase(
            f"The reference does not state the case: add it to {' or '.join(REFERENCE_FILES)}."
        )
    if not reference[case]:
        raise BadCase("The reference knows none of its labels.")
    return reference[case]


def read_images(folder: Path) -> list[Dataset]:
    """The images of one study. Raises BadCase."""
    images: list[Dataset] = []
    for path in sorted(files_below(folder)):
        try:
            dataset = dcmread(path)
        except (InvalidDicomError, OSError) as error:
            raise BadCase(f"{path.name} is not DICOM.") from error
        if "PixelData" in dataset and dataset.get("SOPClassUID") not in SEGMENTATION_CLASSES:
            images.append(dataset)
    studies = {str(image.get("StudyInstanceUID", "")) for image in images}
    if len(studies) != 1:
        raise BadCase(f"It holds images of {len(studies)} studies; a case is one study.")
    return images


def _scores(
    settings: Settings, pipeline: ImageModelPipeline, images: Sequence[Dataset]
) -> dict[str, float]:
    """By label the highest probability of all images that the model takes."""
    scores: dict[str, float] = {}
    reasons = []
    for series in _by_series(images):
        acceptance = pipeline.accepts(series_of(series), (), series)
        if not acceptance.accepted:
            reasons.append(acceptance.reason)
            continue
        taken = tuple(one for one in series if pipeline.takes(one).accepted)
        context = PipelineContext(settings, images=taken)
        output, _ = with_fallback(partial(pipeline.run, context))
        for image in output.images:
            for one in image.classifications:
                scores[one.label] = max(scores.get(one.label, -math.inf), one.confidence)
    if not scores:
        raise BadCase(reasons[0])
    return scores


def _by_series(images: Sequence[Dataset]) -> list[list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for image in images:
        found.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    return list(found.values())
