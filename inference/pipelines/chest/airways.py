"""The airways in a chest CT: followed from the trachea downwards, without leaking into the lung."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inference.imaging.connected_parts import connected_parts

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]
"""Millimetres between slices, rows, columns."""

# A trachea in cross section, with room for children and for a sabre sheath.
_TRACHEA_MM2 = (60.0, 900.0)
_TRACHEA_FILLS_ITS_BOX = 0.55
_TRACHEA_ASPECT = 2.5
# It is looked for in the upper part of the air, and must go on for so long.
_UPPER_PART = 0.5
_GOES_ON_MM = 10.0
# The lumen is near -1000 HU. The threshold rises until the grown tree bursts into the lung.
_THRESHOLDS_HU = (-960.0, -940.0, -920.0, -900.0, -880.0, -860.0, -840.0)
_LARGEST_TREE_ML = 90.0
_LEAK_FACTOR = 1.6
_LEAK_ML = 4.0
_WALL_MM = 1.0


def find_airways(
    hu: NDArray[np.float32], air: Mask, spacing: Spacing, *, from_first_slice: bool
) -> Mask:
    """The lumen of trachea and bronchi within `air`; empty where no trachea is seen.

    Arrays have the shape (slices, rows, columns); `from_first_slice` says that the first
    slice is the one nearest to the head.
    """
    order = range(air.shape[0]) if from_first_slice else range(air.shape[0] - 1, -1, -1)
    seed = _trachea(air, spacing, list(order))
    if seed is None:
        return np.zeros(air.shape, bool)
    lumen = _grown(hu, air, seed, spacing)
    return dilated(lumen, _WALL_MM, spacing) & air


def dilated(mask: Mask, radius_mm: float, spacing: Spacing) -> Mask:
    """`mask` and all that lies within `radius_mm` of it."""
    import edt

    if not mask.any():
        return mask
    # Where nothing is outside of the mask, the transform has nothing to measure from.
    result: Mask = edt.edt(~mask, anisotropy=spacing, parallel=0) <= radius_mm
    return result


def _trachea(air: Mask, spacing: Spacing, order: list[int]) -> tuple[int, int, int] | None:
    """A voxel of the trachea: the round hole that goes on downwards, nearest to the middle."""
    needed = max(2, round(_GOES_ON_MM / spacing[0]))
    upper = order[: max(needed + 1, int(len(order) * _UPPER_PART))]
    middle = float(np.flatnonzero(air.any(axis=(0, 1))).mean())
    for position, k in enumerate(upper[: len(upper) - needed]):
        found = []
        for j, i in _round_holes(air[k], spacing):
            below = upper[position + 1 : position + 1 + needed]
            if all(_round_hole_at(air[one], j, i, spacing) for one in below):
                found.append((abs(i - middle), (k, j, i)))
        if found:
            return min(found)[1]
    return None


def _round_holes(slice_air: Mask, spacing: Spacing) -> Iterator[tuple[int, int]]:
    """A voxel within each hole of a trachea's size and shape."""
    import cc3d

    labels = connected_parts(slice_air, connectivity=4)
    statistics = cc3d.statistics(labels)
    for label, count in enumerate(statistics["voxel_counts"]):
        if label == 0:
            continue
        rows, columns = statistics["bounding_boxes"][label][:2]
        if not _is_round(int(count), rows, columns, spacing):
            continue
        j, i = (round(float(value)) for value in statistics["centroids"][label][:2])
        if labels[j, i] == label:
            yield j, i


def _round_hole_at(slice_air: Mask, j: int, i: int, spacing: Spacing) -> bool:
    reach = [round(25.0 / step) for step in spacing[1:]]
    near_j = range(max(0, j - reach[0]), min(slice_air.shape[0], j + reach[0]))
    near_i = range(max(0, i - reach[1]), min(slice_air.shape[1], i + reach[1]))
    window = slice_air[near_j.start : near_j.stop, near_i.start : near_i.stop]
    return any(
        abs(found_j + near_j.start - j) * spacing[1] <= 8.0
        and abs(found_i + near_i.start - i) * spacing[2] <= 8.0
        for found_j, found_i in _round_holes(np.ascontiguousarray(window), spacing)
    )


def _is_round(count: int, rows: slice, columns: slice, spacing: Spacing) -> bool:
    area_mm2 = count * spacing[1] * spacing[2]
    height, width = rows.stop - rows.start, columns.stop - columns.start
    sides = height * spacing[1], width * spacing[2]
    return (
        _TRACHEA_MM2[0] <= area_mm2 <= _TRACHEA_MM2[1]
        and count >= _TRACHEA_FILLS_ITS_BOX * height * width
        and max(sides) <= _TRACHEA_ASPECT * min(sides)
    )


def _grown(
    hu: NDArray[np.float32], air: Mask, seed: tuple[int, int, int], spacing: Spacing
) -> Mask:
    """The largest tree from the seed that does not burst into the lung."""
    voxel_ml = float(np.prod(spacing)) / 1000.0
    tree: Mask = np.zeros(air.shape, bool)
    size_ml = 0.0
    for threshold in _THRESHOLDS_HU:
        labels = connected_parts(air & (hu < threshold), connectivity=6)
        if not labels[seed]:
            continue
        grown: Mask = labels == labels[seed]
        grown_ml = float(np.count_nonzero(grown)) * voxel_ml
        if grown_ml > _LARGEST_TREE_ML:
            break
        if size_ml and grown_ml > size_ml * _LEAK_FACTOR + _LEAK_ML:
            break
        tree, size_ml = grown, grown_ml
    return tree
