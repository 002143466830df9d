"""From the planes of classes that a network gives to masks in the image that was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.findings.counts import NUMBER_FOUND
from inference.pipeline import ImageResult, Measurement, Segment
from inference.pipelines.codes import PERCENT, SHARE_OF_IMAGE
from inference.pipelines.single_images.classes import segment_of
from inference.pipelines.single_images.pixel_areas import AREA, MM2, pixel_area_mm2
from inference.pipelines.single_images.shown import shown
from inference.refusals import ModelUnusable
from inference.single_images.description import ImageModelDescription
from inference.single_images.preprocessing import NetworkInput
from storage.core.findings import NO_UNITS

_CLASSES_AT_MOST = 255


@dataclass(frozen=True)
class Marked:
    """Where a class lies in an image or one frame of it: bool, (rows, columns), never empty."""

    value: int
    mask: NDArray[np.bool_]
    confidence: float | None

    @property
    def pixels(self) -> int:
        return int(np.count_nonzero(self.mask))


def overlaps(model: ImageModelDescription, class_count: int) -> bool:
    """Whether a pixel may be of several classes."""
    return model.activation == "sigmoid" and class_count > 2


def marked(
    model: ImageModelDescription, given: NetworkInput, planes: NDArray[np.float32]
) -> Iterator[Marked]:
    """Class by class, in their order: all of them at the image's size would not fit.

    `planes`: (classes, rows, columns) on the network's grid. Raises ModelUnusable.
    """
    if len(planes) > _CLASSES_AT_MOST:
        raise ModelUnusable(
            f"The model {model.name} has {len(planes)} classes; {_CLASSES_AT_MOST} are"
            " the most taken.",
            remedy="Use a model with fewer classes.",
        )
    # Below any probability: where the model saw nothing of the image, no class is likeliest.
    outside = -1.0
    if overlaps(model, len(planes)):
        for value, plane in enumerate(planes):
            here = given.placement.onto_source(plane, outside)
            mask = here >= 0.5
            if value != model.background and mask.any():
                yield Marked(value, mask, float(here[mask].mean()))
        return
    labels = np.zeros(given.frame.shape, np.uint8)
    highest = np.full(given.frame.shape, -1, np.float32)
    for value, plane in enumerate(planes):
        here = given.placement.onto_source(plane, outside)
        higher = here > highest
        labels[higher], highest[higher] = value, here[higher]
    seen = highest >= 0
    for value in range(len(planes)):
        mask = (labels == value) & seen
        if value != model.background and mask.any():
            yield Marked(value, mask, float(highest[mask].mean()))


def segmented(
    model: ImageModelDescription,
    dataset: Dataset,
    given: NetworkInput,
    planes: NDArray[np.float32],
) -> ImageResult:
    """Of a single image; `planes` as for `marked`. Raises ModelUnusable."""
    overlapping = overlaps(model, len(planes))
    found = marked(model, given, planes)
    return with_masks(model, dataset, given, found, overlapping=overlapping)


def with_masks(
    model: ImageModelDescription,
    dataset: Dataset,
    given: NetworkInput,
    found: Iterable[Marked],
    *,
    overlapping: bool = False,
) -> ImageResult:
    """Of a single image, by what is marked in it, one class after another."""
    segments: list[Segment] = []
    measurements: list[Measurement] = []
    apart: list[NDArray[np.bool_]] = []
    masks: NDArray[Any] = np.zeros(given.frame.shape, np.uint8)
    for one in found:
        segments.append(segment_of(model, one.value))
        measurements += measured(dataset, segments, one)
        if overlapping:
            apart.append(one.mask)
        else:
            masks[one.mask] = len(segments)
    if apart:
        masks = np.stack(apart, axis=-1)
    return ImageResult(
        str(dataset.SOPInstanceUID),
        shown(given),
        segments=tuple(segments),
        masks=masks if segments else None,
        measurements=tuple(measurements) or (nothing_found(),),
    )


def measured(dataset: Dataset, segments: Sequence[Segment], last: Marked) -> Iterator[Measurement]:
    """Of the last of the segments of a single image: its share, and its area where the pixels
    have a size in the patient."""
    index, label = len(segments) - 1, segments[-1].label
    share = 100.0 * last.pixels / last.mask.size
    yield Measurement(
        f"{label} share of the image", SHARE_OF_IMAGE, share, PERCENT, index, last.confidence
    )
    pixel_mm2 = pixel_area_mm2(dataset, 1, last.mask)
    if pixel_mm2 is not None:
        area = last.pixels * pixel_mm2
        yield Measurement(f"{label} area", AREA, area, MM2, index, last.confidence)


def nothing_found() -> Measurement:
    """A result, too."""
    return Measurement("Segments found", NUMBER_FOUND, 0.0, NO_UNITS)
