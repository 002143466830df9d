"""A segmentation of images on every case: its masks beside those that are true."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from inference.evaluation.evaluation_run import EvaluationRun, facts_of
from inference.evaluation.images.cases import (
    measure_cases,
    results_of,
    takes_single_images,
    taking_all_frames,
)
from inference.evaluation.images.image_table import FrameKey, measured_frames
from inference.evaluation.images.mask_measures import (
    MaskAgreement,
    mask_agreement,
    metrics_of_masks,
    metrics_of_segment,
)
from inference.evaluation.images.mask_reference import MASKS, TrueMasks, read_mask_reference
from inference.evaluation.measures import SURFACE_TOLERANCE_MM, Mask
from inference.pipeline import ImageResult, Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.pipelines.single_images.pixel_areas import pixel_size_mm
from storage.settings import Settings


@dataclass(frozen=True, kw_only=True)
class MaskEvaluation(EvaluationRun):
    measured: tuple[MaskAgreement, ...]
    names: tuple[str, ...]
    """The segments of which the reference has a mask, in the order of the model."""

    @cached_property
    def segments(self) -> dict[str, dict[str, float]]:
        return self._of(self.groups, with_interval=True)

    def summary(self) -> dict[str, Any]:
        """All of it as JSON. What could not be measured is left out."""
        return {
            **self.stated(),
            "surface_tolerance_mm": SURFACE_TOLERANCE_MM,
            "metrics": self.counts() | metrics_of_masks(list(self.segments.values())),
            "segments": self.segments,
            "subgroups": self.by_group(self._of_cases),
            "failures": self.failures(),
            "cases": [
                {
                    "case": one.case,
                    "segment": one.segment,
                    "dice": one.dice,
                    "found_pixels": one.found_pixels,
                    "true_pixels": one.true_pixels,
                }
                for one in self.measured
            ],
        }

    def _of(self, cases: Collection[str], *, with_interval: bool) -> dict[str, dict[str, float]]:
        return {
            name: metrics_of_segment(
                [one for one in self.measured if one.segment == name and one.case in cases],
                with_interval=with_interval,
            )
            for name in self.names
        }

    def _of_cases(self, cases: Collection[str]) -> dict[str, float]:
        """Without intervals: groups are small, and there are many."""
        of_group = self._of(cases, with_interval=False)
        return {"cases": float(len(cases))} | metrics_of_masks(list(of_group.values()))


def segments_images(pipeline: Pipeline) -> bool:
    return takes_single_images(pipeline, "image-segmentation")


def evaluate_masks(
    settings: Settings,
    pipeline: ImageModelPipeline,
    folder: Path,
    on_case: Callable[[str], None] = lambda _: None,
) -> MaskEvaluation:
    """Run a segmentation on every case below `folder` (`measure_cases`).

    Raises ModelUnusable, InvalidRequest.
    """
    model = pipeline.model
    labels = [model.segment(one).label for one in model.labels if one != model.background]
    reference = read_mask_reference(folder, labels)
    stated = {label for one in reference.values() if one for label in one.files}
    names = tuple(label for label in labels if label in stated)
    card = taking_all_frames(model.card)
    taking_all = ImageModelPipeline(model.model_copy(update={"card": card}))

    def compared(case: str, images: Sequence[Dataset]) -> Iterator[MaskAgreement]:
        by_uid = {str(one.SOPInstanceUID): one for one in images}
        results = results_of(settings, taking_all, images)
        for image, key in measured_frames(reference, MASKS, results, images):
            for name in names:
                yield _compared(case, name, image, by_uid[key[0]], key, reference[key])

    measured = measure_cases(taking_all, folder, compared, on_case)
    return MaskEvaluation(
        **facts_of(pipeline),
        failed=tuple(measured.failed),
        groups=measured.groups,
        measured=tuple(measured.values),
        names=names,
    )


def _compared(
    case: str,
    name: str,
    image: ImageResult,
    dataset: Dataset,
    key: FrameKey,
    true: TrueMasks | None,
) -> MaskAgreement:
    found = _found(image, name, key[1], (int(dataset.Rows), int(dataset.Columns)))
    mask = np.zeros_like(found) if true is None else true.of(name)
    either = found | mask
    spacing = pixel_size_mm(dataset, key[1], either) if either.any() else None
    return mask_agreement(case, name, found, mask, spacing)


def _found(image: ImageResult, name: str, frame: int, shape: tuple[int, int]) -> Mask:
    """Nothing where the segment, or anything on the frame, was not found."""
    index = next((n for n, one in enumerate(image.segments) if one.label == name), None)
    if index is None:
        return np.zeros(shape, np.bool_)
    mask = image.mask(index)
    if not image.frame_numbers:
        return mask
    if frame not in image.frame_numbers:
        return np.zeros(shape, np.bool_)
    of_frame: Mask = mask[image.frame_numbers.index(frame)]
    return of_frame
