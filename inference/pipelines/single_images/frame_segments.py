"""Masks on the frames of a multi-frame image, gathered frame by frame, and what is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames
from inference.pipeline import ImageResult
from inference.pipelines.single_images.classes import segment_of
from inference.pipelines.single_images.frame_areas import Area, FrameAreas
from inference.pipelines.single_images.masks import Marked, nothing_found
from inference.pipelines.single_images.pixel_areas import pixel_area_mm2
from inference.pipelines.single_images.shown import shown
from inference.single_images.description import ImageModelDescription
from inference.single_images.preprocessing import NetworkInput
from inference.single_images.refusals import ImageRefused
from storage.core.errors import LimitExceeded

_MASKS_AT_MOST_BYTES = 1024**3
"""Of one image, a byte a pixel of each frame; where segments overlap, for each of them."""


class FrameSegments:
    """What a model marks on the frames of one image, which are added in their order."""

    def __init__(self, model: ImageModelDescription, dataset: Dataset) -> None:
        self._model = model
        self._dataset = dataset
        self._overlapping = False
        self._given: list[int] = []
        self._planes: dict[int, dict[int, NDArray[np.uint8]]] = {}
        self._areas: dict[int, list[Area]] = {}
        self._most = -1
        self._shown: tuple[int, NDArray[np.uint8]] | None = None

    def add(self, frame_number: int, given: NetworkInput, found: Iterable[Marked]) -> None:
        """`frame_number` from 1. Raises LimitExceeded."""
        self._given.append(frame_number)
        planes: dict[int, NDArray[np.uint8]] = {}
        pixels = 0
        of_any = np.zeros(given.frame.shape, np.bool_)
        for one in found:
            # A bit a pixel meanwhile: which segments there are is known at the end alone.
            planes[one.value] = np.packbits(one.mask)
            pixels += one.pixels
            self._overlapping |= bool((of_any & one.mask).any())
            of_any |= one.mask
            area = Area(
                frame_number,
                one.pixels,
                pixel_area_mm2(self._dataset, frame_number, one.mask),
                one.confidence,
            )
            self._areas.setdefault(one.value, []).append(area)
        if planes:
            self._planes[frame_number] = planes
            self._check_size(given.frame.shape)
        if pixels > self._most:
            self._most, self._shown = pixels, (frame_number, shown(given))

    def result(self) -> ImageResult:
        """What stands for all frames by the card's rule, shown on that of which most is marked.

        Raises ImageRefused where no frame was added.
        """
        if self._shown is None:
            raise ImageRefused("None of the frames that the model takes shows anything.")
        number, picture = self._shown
        values = sorted(self._areas)
        segments = tuple(segment_of(self._model, value) for value in values)
        areas = FrameAreas(self._dataset, self._model.card.model.frames, tuple(self._given))
        measurements = [
            one
            for index, (value, segment) in enumerate(zip(values, segments, strict=True))
            for one in areas.of_segment(index, value, segment, self._areas[value])
        ]
        return ImageResult(
            str(self._dataset.SOPInstanceUID),
            picture,
            number,
            segments,
            self._masks(values, picture.shape[:2]) if values else None,
            frame_numbers=tuple(self._planes),
            measurements=tuple(measurements) or (nothing_found(),),
            notes=(*self._chosen(), *areas.notes),
        )

    def _masks(self, values: list[int], shape: tuple[int, ...]) -> NDArray[Any]:
        """As in `ImageResult`: a plane for each frame that anything is marked on."""
        pixels = shape[0] * shape[1]
        wanted = (len(self._planes), *shape)
        masks: NDArray[Any] = (
            np.zeros((*wanted, len(values)), np.bool_)
            if self._overlapping
            else np.zeros(wanted, np.uint8)
        )
        for position, planes in enumerate(self._planes.values()):
            for index, value in enumerate(values):
                if value not in planes:
                    continue
                mask = np.unpackbits(planes[value], count=pixels).reshape(shape).view(np.bool_)
                if self._overlapping:
                    masks[position, ..., index] = mask
                else:
                    masks[position][mask] = index + 1
        return masks

    def _check_size(self, shape: tuple[int, int]) -> None:
        layers = len(self._areas) if self._overlapping else 1
        size = len(self._planes) * shape[0] * shape[1] * layers
        if size > _MASKS_AT_MOST_BYTES:
            raise LimitExceeded(
                f"The masks of {len(self._planes)} frames of {shape[1]} × {shape[0]} pixels take"
                f" more than {_MASKS_AT_MOST_BYTES >> 20} MiB.",
                remedy="State fewer frames in the model's card: model.frames.at_most.",
            )

    def _chosen(self) -> Iterable[str]:
        count = number_of_frames(self._dataset)
        if len(self._given) < count:
            yield f"{len(self._given)} of the {count} frames of the image were segmented."
