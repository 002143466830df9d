"""Which lung is the left and which the right, and when the images do not say.

Parts count as two lungs where they lie on both sides of the patient's middle, and nowhere else:
an effusion or a thick fissure parts a single lung as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.connected_parts import connected_parts, counts_of, sums_of
from inference.pipelines.chest.airways import Spacing
from inference.pipelines.chest.midline import Midline

Mask = NDArray[np.bool_]

# The smaller lung of a pair has at least this share of the larger; below it the two are
# taken for one that is to be parted, or for a single lung.
_PAIR_SHARE = 0.2
SMALLEST_LUNG_ML = 250.0
_SMALLEST_PART_ML = 50.0
# Air around the patient and in the bowel has -1000 HU, the foam of a table -950 or so; lungs with
# severe emphysema still have -910 in the mean.
LIGHTEST_LUNG_HU = -930.0
# Lungs that touch are one part, of which the smaller lung lies on the other side of the middle.
_LEAST_ACROSS_SHARE = 0.1
_PARTING_RADII_MM = (2.0, 3.0, 4.5, 6.0, 8.0, 11.0)
# The middle of a lung lies six centimetres or so beside the patient's middle.
_LEAST_FROM_MIDDLE_MM = 15.0


@dataclass(frozen=True)
class Sides:
    """The patient's; what is not there is None. `undetermined`: lung of which the side is not
    known, and then it is all there is."""

    left: Mask | None = None
    right: Mask | None = None
    undetermined: Mask | None = None


def sides_of(
    lung: Mask,
    hu: NDArray[np.float32],
    lps_from_kji: NDArray[np.float64],
    spacing: Spacing,
    midline: Midline,
) -> Sides | None:
    """None where nothing has the size of a lung.

    `lung`: aerated tissue and air within the body, without airways; `hu`: of the same shape.
    However many parts a lung is in, those on one side of the middle are that lung.
    """
    if not lung.any():
        return None
    voxel_ml = float(np.prod(spacing)) / 1000.0
    parts = _lung_parts(lung, hu, voxel_ml)
    if midline.x_mm is not None:
        pieces = [
            piece
            for part in parts
            for piece in _on_each_side(part, lps_from_kji, spacing, midline.x_mm)
        ]
        right, left = _by_side(pieces, lps_from_kji, midline.x_mm)
        smaller, larger = sorted((right, left), key=np.count_nonzero)
        if not _is_pair([larger, smaller]) and _ml(smaller, voxel_ml) < SMALLEST_LUNG_ML:
            parts = [larger]
        elif _lie_apart(right, left, lps_from_kji, midline.x_mm):
            return Sides(left=left, right=right)
    single = np.logical_or.reduce(parts)
    if _ml(single, voxel_ml) < SMALLEST_LUNG_ML:
        return None
    return _of_single(single, lps_from_kji, midline)


def _ml(mask: Mask, voxel_ml: float) -> float:
    return float(np.count_nonzero(mask)) * voxel_ml


def _lung_parts(lung: Mask, hu: NDArray[np.float32], voxel_ml: float) -> list[Mask]:
    """The connected parts, the largest first, without the gas of stomach and bowel.

    The largest is lung whatever its density; each of the others has to be as dense as lungs are,
    however large it is.
    """
    labels = connected_parts(lung, connectivity=6)
    counts = counts_of(labels)
    counts[0] = 0
    sums = sums_of(labels, hu)
    largest = int(counts.argmax())
    return [
        labels == label
        for label in np.argsort(counts)[::-1]
        if label == largest
        or (
            counts[label] * voxel_ml >= _SMALLEST_PART_ML
            and sums[label] > LIGHTEST_LUNG_HU * counts[label]
        )
    ]


def _on_each_side(
    part: Mask, lps_from_kji: NDArray[np.float64], spacing: Spacing, middle_mm: float
) -> list[Mask]:
    """A part; of one that lies on both sides of the middle, the two lungs that it holds."""
    share = _share_beyond(part, lps_from_kji, middle_mm)
    if min(share, 1.0 - share) < _LEAST_ACROSS_SHARE:
        return [part]
    halves = _parted(part, spacing)
    if len(halves) == 2:
        right, left = sorted(halves, key=lambda half: _x_mm(half, lps_from_kji))
        if _lie_apart(right, left, lps_from_kji, middle_mm):
            return halves
    return [part]


def _share_beyond(part: Mask, lps_from_kji: NDArray[np.float64], middle_mm: float) -> float:
    """How much of a part lies on the patient's left of the middle; every second voxel is asked."""
    x_mm = lps_from_kji[0, :3] @ (2 * np.array(np.nonzero(part[::2, ::2, ::2])))
    return float(np.mean(x_mm + lps_from_kji[0, 3] > middle_mm))


def _of_single(lung: Mask, lps_from_kji: NDArray[np.float64], midline: Midline) -> Sides:
    """Lung that could not be parted: of one side where next to nothing lies on the other.

    Two lungs that have grown together lie on both, as a lung does that has crossed the middle.
    """
    # Of a body that is cut off, the trachea alone is too little to name a single lung by.
    if midline.x_mm is None or midline.body_cut_off_at:
        return Sides(undetermined=lung)
    beside_mm = _x_mm(lung, lps_from_kji) - midline.x_mm
    on_the_left = _share_beyond(lung, lps_from_kji, midline.x_mm)
    smaller, larger = sorted((on_the_left, 1.0 - on_the_left))
    if abs(beside_mm) < _LEAST_FROM_MIDDLE_MM or smaller >= _PAIR_SHARE * larger:
        return Sides(undetermined=lung)
    return Sides(left=lung) if beside_mm > 0 else Sides(right=lung)


def _by_side(
    parts: Sequence[Mask], lps_from_kji: NDArray[np.float64], middle_mm: float
) -> tuple[Mask, Mask]:
    """All that lies on the patient's right, and all on the left."""
    right, left = (np.zeros_like(parts[0]) for _ in range(2))
    for part in parts:
        (left if _x_mm(part, lps_from_kji) > middle_mm else right)[part] = True
    return right, left


def _lie_apart(
    right: Mask, left: Mask, lps_from_kji: NDArray[np.float64], middle_mm: float
) -> bool:
    """Whether the middle of the patient lies between the two."""
    return (
        _x_mm(left, lps_from_kji) - middle_mm >= _LEAST_FROM_MIDDLE_MM
        and middle_mm - _x_mm(right, lps_from_kji) >= _LEAST_FROM_MIDDLE_MM
    )


def _x_mm(mask: Mask, lps_from_kji: NDArray[np.float64]) -> float:
    """The middle of a mask; LPS x grows to the left (PS3.3 C.7.6.2.1.1)."""
    centre = [
        float(np.average(np.arange(n), weights=mask.sum(axis=others, dtype=np.float64)))
        for n, others in zip(mask.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
    ]
    return float(lps_from_kji[0] @ (*centre, 1.0))


def _largest_two(mask: Mask) -> Iterator[Mask]:
    labels = connected_parts(mask, connectivity=6)
    counts = counts_of(labels)
    counts[0] = 0
    for label in np.argsort(counts)[::-1][:2]:
        if counts[label]:
            yield labels == label


def _is_pair(parts: Sequence[Mask]) -> bool:
    sizes = [int(np.count_nonzero(part)) for part in parts]
    return len(sizes) == 2 and sizes[1] >= _PAIR_SHARE * sizes[0]


def _parted(lung: Mask, spacing: Spacing) -> list[Mask]:
    """Lungs that touch, in front or behind, parted where they are thinnest.

    They are worn away from outside until two cores are left; each voxel then goes with the
    core that is nearer. Rows and columns are taken by twos, which is fine enough for a
    border that no one can see.
    """
    import edt
    from scipy.ndimage import distance_transform_edt

    coarse = np.ascontiguousarray(lung[:, ::2, ::2])
    sampling = (spacing[0], 2 * spacing[1], 2 * spacing[2])
    depth = edt.edt(coarse, anisotropy=sampling, parallel=0)
    for radius_mm in _PARTING_RADII_MM:
        cores = list(_largest_two(depth > radius_mm))
        if not _is_pair(cores):
            continue
        seeds = np.where(cores[1], 2, np.where(cores[0], 1, 0)).astype(np.uint8)
        nearest = distance_transform_edt(
            seeds == 0, sampling=sampling, return_distances=False, return_indices=True
        )
        owner = seeds[tuple(nearest)].repeat(2, axis=1).repeat(2, axis=2)
        owner = owner[:, : lung.shape[1], : lung.shape[2]]
        return [lung & (owner == 1), lung & (owner == 2)]
    return []
