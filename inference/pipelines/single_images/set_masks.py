"""Masks in images that are given together, of some of which several frames are given in turn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.pipeline import ImageResult
from inference.pipelines.single_images.frame_segments import FrameSegments
from inference.pipelines.single_images.masks import marked, segmented
from inference.pipelines.single_images.shown_frames import is_of_one_grey
from inference.single_images.description import ImageModelDescription
from inference.single_images.preprocessing import NetworkInput


class _Answer(NamedTuple):
    """`planes`: (classes, rows, columns) on the network's grid."""

    given: NetworkInput
    planes: NDArray[np.float32]


class ImageMasks:
    """Of one of the images. Its frames are given in their order; of one that is given several
    times the masks of that time count at which the model is surest of what it marks."""

    def __init__(self, model: ImageModelDescription, dataset: Dataset, *, multi: bool) -> None:
        self._model = model
        self._dataset = dataset
        self._segments = FrameSegments(model, dataset) if multi else None
        self._number: int | None = None
        self._answer: _Answer | None = None

    def add(self, number: int | None, given: NetworkInput, planes: NDArray[np.float32]) -> None:
        """`number`: of the frame, from 1; None of a single image. Raises ModelUnusable,
        LimitExceeded."""
        answer = _Answer(given, planes)
        if self._answer is None or number != self._number:
            self._close()
            self._number, self._answer = number, answer
        elif self._sureness(answer) > self._sureness(self._answer):
            self._answer = answer

    def result(self) -> ImageResult:
        """Raises ImageRefused where none of its frames shows anything."""
        if self._segments is not None:
            self._close()
            return self._segments.result()
        if self._answer is None:
            raise ValueError("The image was not given to the model.")
        return segmented(self._model, self._dataset, *self._answer)

    def _close(self) -> None:
        """No more of the frame comes."""
        if self._segments is None or self._answer is None or self._number is None:
            return
        if not is_of_one_grey(self._answer.given):
            found = marked(self._model, *self._answer)
            self._segments.add(self._number, self._answer.given, found)
        self._answer = None

    def _sureness(self, answer: _Answer) -> float:
        """Mean over the pixels that are marked; less than any where none is."""
        found = [(one.pixels, one.confidence or 0.0) for one in marked(self._model, *answer)]
        pixels = sum(size for size, _ in found)
        return sum(size * sure for size, sure in found) / pixels if pixels else -1.0
