"""Lungs in a chest CT: thresholds and morphology, no weights.

Air inside the body is found by threshold, the airways are followed from the trachea and
left out, what remains is divided into left and right by where it lies in the patient,
and vessels are taken in by closing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.failure_sentences import failure
from inference.imaging.boxes import Box, box_of
from inference.imaging.connected_parts import connected_parts, counts_of
from inference.imaging.geometry import spacing_mm
from inference.imaging.volume import AIR_CLIPPED_HU
from inference.pipelines.chest.airways import Spacing, dilated, find_airways
from inference.pipelines.chest.midline import find_midline, midline_grid
from inference.pipelines.chest.sides import LIGHTEST_LUNG_HU, SMALLEST_LUNG_ML, sides_of
from inference.refusals import NothingFound
from storage.core.findings import Direction

Mask = NDArray[np.bool_]

LUNG_BELOW_HU = -500.0
"""Aerated tissue and air lie below, vessels and walls above."""
OUTSIDE_HU = AIR_CLIPPED_HU
"""What padding is taken for: air outside of the patient."""
_SMALLEST_PART_ML = 20.0
_LARGEST_LUNG_ML = 7000.0
_CLOSING_MM = 5.0
_LARGEST_VESSEL_MM2 = 250.0
_MM3_IN_ML = 1000.0


@dataclass(frozen=True)
class Lungs:
    """Masks of shape (slices, rows, columns); a lung that is not there is empty.

    `left` and `right` are the patient's, vessels within them included, airways left out.
    `undetermined` is lung of which the images do not say on which side it lies; the others are
    then empty.
    """

    left: Mask
    right: Mask
    undetermined: Mask
    airways: Mask
    body_cut_off_at: tuple[Direction, ...] = ()
    """The sides at which the images cut the body off, where that leaves its middle unknown."""
    middle_mm: float | None = None
    """Of the body, x in LPS; None where the images do not show where it is."""


def segment_lungs(
    hu: NDArray[np.float32],
    lps_from_kji: NDArray[np.float64],
    padding: Mask | None = None,
) -> Lungs:
    """Find both lungs in axial slices of a chest.

    `hu`: shape (slices, rows, columns), as the images state it. `lps_from_kji` in mm,
    LPS. `padding`: where nothing was reconstructed; it counts, as what lies below air does, as
    air outside of the patient. A lung that the images cut off at a side
    is taken as far as it is in them. Raises NothingFound where there is nothing of a lung's
    size.
    """
    spacing = spacing_mm(lps_from_kji)
    voxel_ml = float(np.prod(spacing)) / _MM3_IN_ML
    inside = _air_inside(hu, voxel_ml, padding)
    box = box_of(inside, margin=3)
    crop, cropped_hu = np.ascontiguousarray(inside[box]), _with_air(hu, padding, box)
    del inside
    head_first = bool(lps_from_kji[2, 0] < 0)
    airways = find_airways(cropped_hu, crop, spacing, from_first_slice=head_first)
    all_airways = _uncropped(airways, box, hu.shape)
    grid = midline_grid(lps_from_kji, box[0])
    midline = find_midline(_with_air(hu, padding, grid), lps_from_kji, box[0], all_airways, padding)
    cropped_from = lps_from_kji.copy()
    cropped_from[:, 3] = lps_from_kji @ (*(part.start for part in box), 1.0)
    beside = crop & ~dilated(airways, 2.0, spacing)
    sides = sides_of(beside, cropped_hu, cropped_from, spacing, midline)
    del beside, cropped_hu
    if sides is None:
        raise NothingFound(failure("no_lung_beside_airways"), remedy=failure("send_whole_chest"))
    nothing: Mask = np.zeros(crop.shape, bool)
    closed = [
        nothing if part is None else _closed(part, spacing) & ~airways
        for part in (sides.left, sides.right, sides.undetermined)
    ]
    if padding is not None:
        closed = [part & ~padding[box] for part in closed]
    # A vessel between the lungs may be claimed by both.
    closed[1] &= ~closed[0]
    _check_sizes([float(np.count_nonzero(part)) * voxel_ml for part in closed])
    left, right, undetermined = (_uncropped(part, box, hu.shape) for part in closed)
    return Lungs(left, right, undetermined, all_airways, midline.body_cut_off_at, midline.x_mm)


def _air_inside(hu: NDArray[np.float32], voxel_ml: float, padding: Mask | None) -> Mask:
    """Air that no path through air joins to the sides of the picture, and lungs cut off there.

    What a side cuts off is distinguished from the air around the patient by its density.
    """
    air = hu < LUNG_BELOW_HU
    if padding is not None:
        air &= ~padding
    labels = connected_parts(air, connectivity=6)
    del air
    counts = counts_of(labels)
    keep = counts * voxel_ml >= _SMALLEST_PART_ML
    for label in _at_sides(labels, padding):
        is_lung = (
            counts[label] * voxel_ml >= SMALLEST_LUNG_ML
            and _mean_hu(hu, labels == label) > LIGHTEST_LUNG_HU
        )
        keep[label] &= is_lung
    keep[0] = False
    inside: Mask = keep[labels]
    if not inside.any():
        raise NothingFound(failure("no_lungs"), remedy=failure("send_whole_chest"))
    return inside


def _mean_hu(hu: NDArray[np.float32], part: Mask) -> float:
    values = hu[part]
    np.maximum(values, np.float32(OUTSIDE_HU), out=values)
    return float(values.mean(dtype=np.float64))


def _with_air(hu: NDArray[np.float32], padding: Mask | None, where: Box) -> NDArray[np.float32]:
    """A part of the images, in which padding and what lies below air are air."""
    found = np.maximum(hu[where], np.float32(OUTSIDE_HU))
    if padding is not None:
        found[padding[where]] = OUTSIDE_HU
    return found


def _at_sides(labels: NDArray[np.integer[Any]], padding: Mask | None) -> NDArray[np.intp]:
    """The components at a side of the picture, or at the padding beyond the circle."""
    at_side = np.zeros(int(labels.max(initial=0)) + 1, bool)
    for side in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        at_side[side] = True
    if padding is not None:
        # Slice by slice: copies of the labels at the padding took more than the images.
        for one, outside in zip(labels, padding, strict=True):
            at_side[one[1:][outside[:-1]]] = True
            at_side[one[:-1][outside[1:]]] = True
            at_side[one[:, 1:][outside[:, :-1]]] = True
            at_side[one[:, :-1][outside[:, 1:]]] = True
    at_side[0] = False
    return np.flatnonzero(at_side)


def _closed(lung: Mask, spacing: Spacing) -> Mask:
    """With the vessels that enter it: closing, then the small holes of each slice."""
    if not lung.any():
        return lung
    margin = [int(np.ceil(_CLOSING_MM / step)) + 1 for step in spacing]
    # What it grows by, and a voxel of nothing around it, lie in the box: the rest changes nothing.
    box = box_of(lung, margin=max(margin))
    whole: Mask = np.zeros(lung.shape, bool)
    whole[box] = _closed_in_box(lung[box], margin, spacing)
    return whole


def _closed_in_box(lung: Mask, margin: Sequence[int], spacing: Spacing) -> Mask:
    import edt

    # No margin along k: a lung that the scan cuts off must not be rounded there.
    padded = np.pad(lung, [(0, 0), (margin[1],) * 2, (margin[2],) * 2])
    grown = dilated(padded, _CLOSING_MM, spacing)
    closed = edt.edt(grown, anisotropy=spacing, parallel=0) > _CLOSING_MM
    closed |= padded
    pixel_mm2 = spacing[1] * spacing[2]
    for k in range(closed.shape[0]):
        closed[k] |= _small_holes(closed[k], pixel_mm2)
    result: Mask = closed[:, margin[1] : -margin[1], margin[2] : -margin[2]]
    return result


def _small_holes(slice_lung: Mask, pixel_mm2: float) -> Mask:
    """What a slice encloses and is no larger than a vessel: the dome of the liver is not."""
    import fill_voids

    holes = connected_parts(fill_voids.fill(slice_lung) & ~slice_lung, connectivity=4)
    small = np.bincount(holes.ravel()) * pixel_mm2 <= _LARGEST_VESSEL_MM2
    small[0] = False
    result: Mask = small[holes]
    return result


def _check_sizes(sizes_ml: Sequence[float]) -> None:
    if max(sizes_ml) < SMALLEST_LUNG_ML or max(sizes_ml) > _LARGEST_LUNG_ML:
        text = " and ".join(f"{size / 1000:.2f}" for size in sizes_ml if size)
        raise NothingFound(
            failure("lungs_too_large", found=text), remedy=failure("send_whole_chest")
        )


def _uncropped(mask: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    whole: Mask = np.zeros(shape, bool)
    whole[box] = mask
    return whole
