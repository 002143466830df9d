"""Closed contours in the patient filled on the grid of a series (PS3.3 C.8.8.6)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from inference.refusals import VolumeRefused

# A contour lies in the plane of an image: so far, in slices, positions may be rounded.
_IN_PLANE = 0.1
_REMEDY = "Have the structures drawn on the series that is to be analysed."


def filled(
    contours: Iterable[NDArray[np.float64]],
    lps_from_kji: NDArray[np.float64],
    shape: tuple[int, int, int],
) -> NDArray[np.bool_]:
    """Bool of `shape` (slices, rows, columns): the voxels whose centres the contours enclose.

    `contours`: points of each in mm (LPS), shape (points, 3), in the plane of one slice. What
    several of one slice enclose an even number of times is outside: an inner one is a hole, as a
    keyhole is (C.8.8.6.3), and CLOSEDPLANAR_XOR states it. A centre on the upper or left side of
    a contour is inside, on the other sides outside, so that neighbours share no voxel.

    Raises VolumeRefused where one lies between slices or across them, or beside the grid.
    """
    kji_from_lps = np.linalg.inv(lps_from_kji)
    # Whether the inside changes between a pixel and the one before it in its row.
    changes = np.zeros((shape[0], shape[1], shape[2] + 1), np.bool_)
    for points in contours:
        kji = points @ kji_from_lps[:3, :3].T + kji_from_lps[:3, 3]
        k = round(float(np.median(kji[:, 0])))
        if np.abs(kji[:, 0] - k).max() > _IN_PLANE:
            raise VolumeRefused(
                f"A contour lies across or between the slices of the series, near slice {k + 1}.",
                remedy=_REMEDY,
            )
        if not 0 <= k < shape[0]:
            raise VolumeRefused(
                f"A contour lies at slice {k + 1}; the series has {shape[0]}.", remedy=_REMEDY
            )
        _note(kji[:, 1:], changes[k])
    inside: NDArray[np.bool_] = np.logical_xor.accumulate(changes, axis=2)[..., :-1]
    return inside


def _note(polygon: NDArray[np.float64], changes: NDArray[np.bool_]) -> None:
    """Note in which pixel of each row the sides of a polygon, (row, column) each, are crossed."""
    rows, columns = changes.shape[0], changes.shape[1] - 1
    begins, ends = polygon, np.roll(polygon, -1, axis=0)
    for (row, column), (to_row, to_column) in zip(begins, ends, strict=True):
        if row == to_row:
            continue
        low, high = (row, to_row) if row < to_row else (to_row, row)
        # Half open: a corner that two sides share is crossed once.
        at = np.arange(max(0, int(np.ceil(low))), min(rows, int(np.ceil(high))))
        if not len(at):
            continue
        crossed = column + (at - row) * ((to_column - column) / (to_row - row))
        first = np.clip(np.ceil(crossed), 0, columns).astype(np.intp)
        # One side crosses each row once.
        changes[at, first] ^= True
