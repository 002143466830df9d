"""A detection in images on every case: its boxes beside those that are true."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from inference.evaluation.evaluation_run import EvaluationRun, facts_of
from inference.evaluation.images.box_measures import (
    BoxAgreement,
    FoundBoxes,
    MatchedLabel,
    box_agreement,
    matched,
    metrics_of_boxes,
)
from inference.evaluation.images.box_reference import BOXES, TrueBoxes, read_box_reference
from inference.evaluation.images.cases import (
    measure_cases,
    results_of,
    takes_single_images,
    taking_all_frames,
)
from inference.evaluation.images.image_table import measured_frames
from inference.pipeline import ImageResult, Pipeline
from inference.pipelines.single_images.boxes import uncut
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.settings import Settings


@dataclass(frozen=True)
class ComparedImage:
    """An image, or one frame of it."""

    case: str
    found: FoundBoxes
    true: TrueBoxes


@dataclass(frozen=True, kw_only=True)
class BoxEvaluation(EvaluationRun):
    images: tuple[ComparedImage, ...]
    names: tuple[str, ...]
    """The labels of the model, in its order."""

    @cached_property
    def labels(self) -> list[BoxAgreement]:
        """Those of which the reference has a box, in the order of the model."""
        return self._agreements(self.groups, with_intervals=True)

    @cached_property
    def _matched(self) -> dict[str, dict[str, list[MatchedLabel]]]:
        """By label and case."""
        found: dict[str, dict[str, list[MatchedLabel]]] = {}
        stated = {label for image in self.images for label in image.true.labels}
        for label in (one for one in self.names if one in stated):
            by_case = found.setdefault(label, {})
            for image in self.images:
                one = matched(image.found, image.true, label)
                by_case.setdefault(image.case, []).append(one)
        return found

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is left out."""
        return {
            **self.stated(),
            "metrics": self.counts() | metrics_of_boxes(self.labels),
            "boxes": {one.label: one.metrics() for one in self.labels},
            "subgroups": self.by_group(self._of_cases),
            "failures": self.failures(),
            "cases": [
                {
                    "case": case,
                    "label": label,
                    "boxes": sum(one.true for one in images),
                    "scores_of_found": _scores(images, of_true=True),
                    "scores_of_false_positives": _scores(images, of_true=False),
                }
                for label, by_case in self._matched.items()
                for case, images in by_case.items()
            ],
        }

    def _agreements(self, cases: Collection[str], *, with_intervals: bool) -> list[BoxAgreement]:
        return [
            box_agreement(
                label,
                [images for case, images in by_case.items() if case in cases],
                with_intervals=with_intervals,
            )
            for label, by_case in self._matched.items()
        ]

    def _of_cases(self, cases: Collection[str]) -> dict[str, float]:
        """Without intervals: groups are small, and there are many."""
        agreements = self._agreements(cases, with_intervals=False)
        return {"cases": float(len(cases))} | metrics_of_boxes(agreements)


def finds_boxes(pipeline: Pipeline) -> bool:
    return takes_single_images(pipeline, "object-detection")


def evaluate_boxes(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> BoxEvaluation:
    """Run a detection on every case below `folder` (`measure_cases`).

    Raises ModelUnusable, InvalidRequest.
    """
    model = pipeline.model
    names = tuple(model.segment(one).label for one in model.labels if one != model.background)
    reference = read_box_reference(folder, names)
    finds_all = _finding_all(pipeline)

    def compared(case: str, images: Sequence[Dataset]) -> Iterator[ComparedImage]:
        results = results_of(settings, finds_all, images)
        for image, (uid, frame) in measured_frames(reference, BOXES, results, images):
            yield ComparedImage(case, _found(image, frame), reference[uid, frame])

    measured = measure_cases(finds_all, folder, compared, on_case)
    return BoxEvaluation(
        **facts_of(pipeline),
        failed=tuple(measured.failed),
        groups=measured.groups,
        images=tuple(measured.values),
        names=names,
    )


def _finding_all(pipeline: ImageModelPipeline) -> ImageModelPipeline:
    """The same model with every box in its answer, also those that results leave out."""
    card = taking_all_frames(pipeline.model.card).model_copy(update={"score_at_least": 0.0})
    described = pipeline.model.model_copy(update={"card": card})
    return ImageModelPipeline(described, boxes_of=uncut)


def _found(image: ImageResult, frame: int) -> FoundBoxes:
    found = FoundBoxes()
    for box in (one for one in image.boxes if one.frame_number in (None, frame)):
        corners = np.array(box.corners)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        found.labels.append(box.label)
        found.corners.append((left, top, right, bottom))
        found.scores.append(box.confidence or 0.0)
    return found


def _scores(images: Sequence[MatchedLabel], *, of_true: bool) -> list[float]:
    every: Mapping[bool, list[float]] = {True: [], False: []}
    for image in images:
        for score, is_true in zip(image.scores.tolist(), image.is_true.tolist(), strict=True):
            every[is_true].append(score)
    return sorted(every[of_true], reverse=True)
