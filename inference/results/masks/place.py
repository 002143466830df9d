"""Where the planes of a Segmentation or a map lie, held against the grid of its source."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume

_HALF_A_VOXEL = 0.5


class Grid(NamedTuple):
    """Where results must lie: `shape` (slices, rows, columns), `lps_from_kji` as of a volume.

    `of`: what it is the grid of, in sentences.
    """

    shape: tuple[int, int, int]
    lps_from_kji: NDArray[np.float64]
    of: str = "series"


def grid_of(volume: Volume) -> Grid:
    slices, rows, columns = volume.voxels.shape
    return Grid((slices, rows, columns), volume.lps_from_kji)


def lies_on_slice(grid: Grid, k: int, corners_lps: Sequence[NDArray[np.float64]]) -> bool:
    """`corners_lps` of a plane: its first voxel, the last of its first row, and the last of all,
    in mm. None may lie half a voxel away from that of slice `k`."""
    _, rows, columns = grid.shape
    kji_from_lps = np.linalg.inv(grid.lps_from_kji)
    expected = ((k, 0, 0), (k, 0, columns - 1), (k, rows - 1, columns - 1))
    # Written so that a NaN fails, too.
    return all(
        bool((np.abs((kji_from_lps @ np.append(corner, 1.0))[:3] - place) < _HALF_A_VOXEL).all())
        for place, corner in zip(expected, corners_lps, strict=True)
    )


def corners_of(
    position: Sequence[float],
    orientation: Sequence[float],
    spacing_mm: Sequence[float],
    size: tuple[int, ...],
) -> list[NDArray[np.float64]]:
    """Of a plane, in LPS and mm (PS3.3 Equation C.7.6.2.1-1). `spacing_mm`: rows, then columns."""
    first = np.array([float(one) for one in position])
    cosines = np.array([float(one) for one in orientation]).reshape(2, 3)
    along_row = first + cosines[0] * float(spacing_mm[1]) * (size[1] - 1)
    return [first, along_row, along_row + cosines[1] * float(spacing_mm[0]) * (size[0] - 1)]


def corners_of_frame(dataset: Dataset, own: Dataset) -> list[NDArray[np.float64]]:
    """Of a frame of a Segmentation or a map, by its own functional groups `own`."""
    return corners_of(
        group_of(dataset, own, "PlanePositionSequence").ImagePositionPatient,
        group_of(dataset, own, "PlaneOrientationSequence").ImageOrientationPatient,
        group_of(dataset, own, "PixelMeasuresSequence").PixelSpacing,
        (int(dataset.Rows), int(dataset.Columns)),
    )


def group_of(dataset: Dataset, own: Dataset, keyword: str) -> Dataset:
    """A functional group of a frame; what all frames share is stated once (PS3.3 C.7.6.16)."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    found: Dataset = (own.get(keyword) or shared[keyword].value)[0]
    return found
