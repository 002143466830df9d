"""Masks that a container wrote, in one numbering and on the grid of the series."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.imaging.label_counts import voxels_of_values
from inference.pipeline import SEGMENTS_AT_MOST, Segment
from inference.refusals import ModelUnusable
from inference.results.masks.place import Grid, lies_on_slice

MASKS_AT_MOST_BYTES = 2 * 1024**3
"""Of all masks of one run, a byte a voxel: once, and where segments overlap, for each of them."""


class Masks(NamedTuple):
    """Segments and where they lie, as in `PipelineOutput`."""

    segments: tuple[Segment, ...]
    array: NDArray[Any]


class MaskCollection:
    """The masks of one run, put together as they come, in the least memory that holds them.

    Empty segments are dropped at once, and segments that do not overlap share one array.
    """

    def __init__(self, at_most_bytes: int = MASKS_AT_MOST_BYTES) -> None:
        self._at_most_bytes = at_most_bytes
        self._parts: list[Masks] = []
        self._segment_count = 0
        self.were_given = False
        """Whether there was a mask at all, with a voxel in it or none."""

    @property
    def room_bytes(self) -> int:
        """What further arrays may take."""
        return self._at_most_bytes - sum(one.array.nbytes for one in self._parts)

    def check_room(self, size_bytes: int) -> None:
        """Before so much is allocated. Raises ModelUnusable."""
        if size_bytes > self.room_bytes:
            raise ModelUnusable(
                f"The masks of the container take more than the {self._at_most_bytes >> 20} MiB"
                " that the masks of a run may take on a series of this size.",
                remedy="Use a model with fewer segments that overlap, or smaller series.",
            )

    def add(self, masks: Masks) -> None:
        """Raises ModelUnusable where there are more than a result may have."""
        self.were_given = True
        added = _without_empty(masks)
        if not added.segments:
            return
        self._segment_count += len(added.segments)
        if self._segment_count > SEGMENTS_AT_MOST:
            raise ModelUnusable(
                f"The container gave {self._segment_count} segments or more; {SEGMENTS_AT_MOST} are"
                " the most.",
                remedy="Use a model with fewer.",
            )
        if self._parts and (joined := _joined(self._parts[-1], added)) is not None:
            self._parts[-1] = joined
            return
        self.check_room(added.array.nbytes)
        if self._parts or added.array.ndim == 4:
            voxel_count = int(np.prod(added.array.shape[:3], dtype=np.int64))
            self._check_overlapping(voxel_count)
        self._parts.append(added)

    def _check_overlapping(self, voxel_count: int) -> None:
        if voxel_count * self._segment_count > self._at_most_bytes:
            raise ModelUnusable(
                f"The container gave {self._segment_count} segments that overlap. On a series of"
                f" this size they take {voxel_count * self._segment_count >> 20} MiB;"
                f" {self._at_most_bytes >> 20} MiB are the most.",
                remedy="Use a model with fewer.",
            )

    def merged(self) -> Masks | None:
        """All segments that have a voxel; None where there are none.

        Raises ModelUnusable where they overlap and are too many for their size.
        """
        if not self._parts:
            return None
        if len(self._parts) == 1:
            return self._parts[0]
        shape = self._parts[0].array.shape[:3]
        self._check_overlapping(int(np.prod(shape, dtype=np.int64)))
        array = np.zeros((*shape, self._segment_count), np.bool_)
        number = 0
        for part in self._parts:
            for n in range(len(part.segments)):
                plane = part.array[..., n] if part.array.ndim == 4 else part.array == n + 1
                array[..., number] = plane
                number += 1
        return Masks(tuple(segment for part in self._parts for segment in part.segments), array)


def _joined(before: Masks, added: Masks) -> Masks | None:
    """Both in the array of the first; None where they overlap."""
    if before.array.ndim == 4 or added.array.ndim == 4:
        return None
    wanted = added.array > 0
    if before.array[wanted].any():
        return None
    before.array[wanted] = added.array[wanted] + np.uint8(len(before.segments))
    return Masks((*before.segments, *added.segments), before.array)


def check_corners(grid: Grid, k: int, corners_lps: Sequence[NDArray[np.float64]]) -> None:
    """Raises ModelUnusable where a plane does not lie on slice `k` (`lies_on_slice`)."""
    if lies_on_slice(grid, k, corners_lps):
        return
    raise ModelUnusable(
        f"A mask or map of the container lies beside slice {k + 1}, which it is of."
        if grid.of == "series"
        else f"A mask of the container lies elsewhere than the {grid.of}.",
        remedy=f"Ask who made the image: results must lie on the grid of the {grid.of}.",
    )


def _without_empty(masks: Masks) -> Masks:
    array, count = masks.array, len(masks.segments)
    if array.ndim == 4:
        present = [n for n in range(count) if array[..., n].any()]
        kept = array if len(present) == count else array[..., present]
    else:
        counts = voxels_of_values(array, count)
        present = [n for n in range(count) if counts[n + 1]]
        numbers = np.zeros(count + 1, np.uint8)
        numbers[[n + 1 for n in present]] = np.arange(1, len(present) + 1)
        kept = np.take(numbers, array)
    return Masks(tuple(masks.segments[n] for n in present), kept)
