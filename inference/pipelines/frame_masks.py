"""Masks on the frames of a multi-frame image: kept of those that have any, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from inference.findings.counts import NUMBER_FOUND
from inference.pipeline import ImageResult, Measurement
from inference.pipelines.codes import PERCENT, SHARE_OF_IMAGE
from storage.core.findings import NO_UNITS

if TYPE_CHECKING:
    from inference.containers.masks import Masks


def with_masks_of_frames(result: ImageResult, masks: Masks) -> ImageResult:
    """`masks` have a plane for each frame of the image; those without any are not kept."""
    marked = np.flatnonzero(masks.array.reshape(len(masks.array), -1).any(axis=1))
    numbers = tuple(int(index) + 1 for index in marked)
    return replace(
        result, segments=masks.segments, masks=masks.array[marked], frame_numbers=numbers
    )


def shares_of_frames(result: ImageResult) -> Iterator[Measurement]:
    """Of each segment the largest share that it has of one frame, and how many it is on."""
    for index, segment in enumerate(result.segments):
        shares = 100.0 * result.mask(index).mean(axis=(1, 2))
        largest = int(np.argmax(shares))
        yield Measurement(
            f"{segment.label} largest share of a frame",
            SHARE_OF_IMAGE,
            float(shares[largest]),
            PERCENT,
            index,
            frame_number=result.frame_numbers[largest],
        )
        count = float(np.count_nonzero(shares))
        yield Measurement(f"Frames with {segment.label}", NUMBER_FOUND, count, NO_UNITS)


def fullest_frame(result: ImageResult) -> int | None:
    """The number of the frame of which most is marked; None where nothing is."""
    if result.masks is None:
        return None
    planes = [result.mask(index).sum(axis=(1, 2)) for index in range(len(result.segments))]
    return result.frame_numbers[int(np.argmax(np.sum(planes, axis=0)))]
