"""Masks that a container wrote, in one numbering and on the grid of the series."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.imaging.label_counts import voxels_of_values
from inference.imaging.volume import Volume
from inference.pipeline import SEGMENTS_AT_MOST, Segment
from inference.refusals import ModelUnusable

# Of masks that overlap, a byte each: what a worker has for its results.
_OVERLAPPING_AT_MOST_BYTES = 4 * 1024**3
_HALF_A_VOXEL = 0.5
_REMEDY = "Ask who made the image: results must lie on the grid of the series."


class Masks(NamedTuple):
    """Segments and where they lie, as in `PipelineOutput`."""

    segments: tuple[Segment, ...]
    array: NDArray[Any]


def merged(found: Sequence[Masks]) -> Masks | None:
    """All segments that have a voxel; None where there are none.

    Raises ModelUnusable where there are more than a result may have.
    """
    some = [one for one in map(_without_empty, found) if one.segments]
    if not some:
        return None
    segments = tuple(segment for one in some for segment in one.segments)
    if len(segments) > SEGMENTS_AT_MOST:
        raise ModelUnusable(
            f"The container gave {len(segments)} segments; {SEGMENTS_AT_MOST} are the most.",
            remedy="Use a model with fewer.",
        )
    if len(some) == 1:
        return some[0]
    together = np.zeros(some[0].array.shape[:3], np.uint8)
    offset = 0
    for one in some:
        if one.array.ndim == 4 or (together[one.array > 0] > 0).any():
            return Masks(segments, _overlapping(some, len(segments)))
        np.copyto(together, (one.array + offset).astype(np.uint8), where=one.array > 0)
        offset += len(one.segments)
    return Masks(segments, together)


def check_corners(volume: Volume, k: int, corners_lps: Sequence[NDArray[np.float64]]) -> None:
    """Of a plane: its first voxel, the last of its first row, and the last of all, in mm.

    Raises ModelUnusable where one of them lies half a voxel away from that of slice `k`.
    """
    _, rows, columns = volume.voxels.shape
    kji_from_lps = np.linalg.inv(volume.lps_from_kji)
    expected = ((k, 0, 0), (k, 0, columns - 1), (k, rows - 1, columns - 1))
    for place, corner in zip(expected, corners_lps, strict=True):
        found = kji_from_lps @ np.append(corner, 1.0)
        if not (np.abs(found[:3] - place) < _HALF_A_VOXEL).all():
            raise ModelUnusable(
                f"A mask of the container lies beside slice {k + 1}, whose mask it is.",
                remedy=_REMEDY,
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


def _overlapping(found: Sequence[Masks], count: int) -> NDArray[np.bool_]:
    shape = found[0].array.shape[:3]
    if int(np.prod(shape, dtype=np.int64)) * count > _OVERLAPPING_AT_MOST_BYTES:
        raise ModelUnusable(
            f"The container gave {count} segments that overlap, which is too much for a series of"
            " this size.",
            remedy="Use a model with fewer.",
        )
    return np.concatenate(
        [
            one.array
            if one.array.ndim == 4
            else np.stack([one.array == n + 1 for n in range(len(one.segments))], axis=-1)
            for one in found
        ],
        axis=-1,
    )
