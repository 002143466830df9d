"""Lungs in a chest CT: thresholds and morphology, no weights.

Air inside the body is found by threshold, the airways are followed from the trachea and
left out, what remains is told apart into left and right by where it lies in the patient,
and vessels are taken in by closing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.geometry import spacing_mm
from inference.pipelines.boxes import Box, box_of
from inference.pipelines.chest.airways import Spacing, dilated, find_airways
from inference.refusals import NothingFound

Mask = NDArray[np.bool_]

LUNG_BELOW_HU = -500.0
"""Aerated tissue and air lie below, vessels and walls above."""
OUTSIDE_HU = -1024.0
"""What padding is taken for: air outside of the patient."""
_SMALLEST_PART_ML = 20.0
_SMALLEST_LUNG_ML = 250.0
_LARGEST_LUNG_ML = 7000.0
# Air around the patient has -1000 HU, the foam of a table -950 or so; lungs with severe emphysema
# still have -910 in the mean.
_LIGHTEST_LUNG_HU = -930.0
# The smaller lung of a pair has at least this share of the larger; below it the two are
# taken for one that is to be parted, or for a single lung.
_PAIR_SHARE = 0.2
_PARTING_RADII_MM = (2.0, 3.0, 4.5, 6.0, 8.0, 11.0)
_CLOSING_MM = 5.0
_LARGEST_VESSEL_MM2 = 250.0
_MM3_IN_ML = 1000.0

_NO_LUNGS = (
    "Send a CT of the whole chest, reconstructed without cutting the lungs off at the sides."
)


@dataclass(frozen=True)
class Lungs:
    """Masks of shape (slices, rows, columns); a lung that is not there is empty.

    `left` and `right` are the patient's, vessels within them included, airways left out.
    """

    left: Mask
    right: Mask
    airways: Mask


def segment_lungs(
    hu: NDArray[np.float32],
    lps_from_kji: NDArray[np.float64],
    padding: Mask | None = None,
) -> Lungs:
    """Find both lungs in axial slices of a chest.

    `hu`: shape (slices, rows, columns), padding set to OUTSIDE_HU. `lps_from_kji` in mm,
    LPS. `padding`: where nothing was reconstructed. A lung that the images cut off at a side
    is taken as far as it is in them. Raises NothingFound where there is nothing of a lung's
    size.
    """
    spacing = spacing_mm(lps_from_kji)
    voxel_ml = float(np.prod(spacing)) / _MM3_IN_ML
    inside = _air_inside(hu, voxel_ml, padding)
    box = box_of(inside, margin=3)
    crop, cropped_hu = np.ascontiguousarray(inside[box]), hu[box]
    head_first = bool(lps_from_kji[2, 0] < 0)
    airways = find_airways(cropped_hu, crop, spacing, from_first_slice=head_first)
    parts = _parts(crop & ~dilated(airways, 2.0, spacing), spacing, voxel_ml)
    sides = _by_side(parts, lps_from_kji, box, hu.shape)
    closed = [_closed(part, spacing) & ~airways for part in sides]
    # A vessel between the lungs may be claimed by both.
    closed[1] &= ~closed[0]
    _check_sizes([float(np.count_nonzero(part)) * voxel_ml for part in closed])
    left, right, all_airways = (_uncropped(part, box, hu.shape) for part in (*closed, airways))
    return Lungs(left, right, all_airways)


def _air_inside(hu: NDArray[np.float32], voxel_ml: float, padding: Mask | None) -> Mask:
    """Air that no path through air joins to the sides of the picture, and lungs cut off there.

    What a side cuts off is told from the air around the patient by its density.
    """
    import cc3d

    air = hu < LUNG_BELOW_HU
    if padding is not None:
        air &= ~padding
    labels = cc3d.connected_components(air, connectivity=6)
    counts = np.bincount(labels.ravel())
    keep = counts * voxel_ml >= _SMALLEST_PART_ML
    for label in _at_sides(labels, padding):
        is_lung = (
            counts[label] * voxel_ml >= _SMALLEST_LUNG_ML
            and float(hu[labels == label].mean(dtype=np.float64)) > _LIGHTEST_LUNG_HU
        )
        keep[label] &= is_lung
    keep[0] = False
    inside: Mask = keep[labels]
    if not inside.any():
        raise NothingFound("There is no air of a lung's size inside the body.", remedy=_NO_LUNGS)
    return inside


def _at_sides(labels: NDArray[np.integer[Any]], padding: Mask | None) -> NDArray[np.intp]:
    """The components at a side of the picture, or at the padding beyond the circle."""
    sides = [labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]]
    if padding is not None:
        sides += [
            labels[:, 1:][padding[:, :-1]],
            labels[:, :-1][padding[:, 1:]],
            labels[:, :, 1:][padding[:, :, :-1]],
            labels[:, :, :-1][padding[:, :, 1:]],
        ]
    found = np.unique(np.concatenate([side.ravel() for side in sides]))
    return found[found > 0].astype(np.intp)


def _parts(lung: Mask, spacing: Spacing, voxel_ml: float) -> list[Mask]:
    """The two largest parts, the larger first; one, where they cannot be told apart."""
    largest = list(_largest_two(lung))
    if _is_pair(largest):
        return largest
    parted = _parted(lung, spacing)
    if parted:
        return parted
    return [part for part in largest if np.count_nonzero(part) * voxel_ml >= _SMALLEST_LUNG_ML]


def _largest_two(mask: Mask) -> Iterator[Mask]:
    import cc3d

    labels = cc3d.connected_components(mask, connectivity=6)
    counts = np.bincount(labels.ravel())
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


def _by_side(
    parts: Sequence[Mask], lps_from_kji: NDArray[np.float64], box: Box, shape: tuple[int, ...]
) -> list[Mask]:
    """Left and right of the patient: LPS x grows to the left (PS3.3 C.7.6.2.1.1)."""
    if not parts:
        raise NothingFound("Nothing of a lung's size is left beside the airways.", remedy=_NO_LUNGS)
    origin = [part.start for part in box]
    x_mm = [float(lps_from_kji[0] @ (*_centre(part, origin), 1.0)) for part in parts]
    if len(parts) == 1:
        # A single lung lies on one side of the picture's middle.
        middle_mm = float(lps_from_kji[0] @ (*((n - 1) / 2 for n in shape), 1.0))
        empty: Mask = np.zeros_like(parts[0])
        return [parts[0], empty] if x_mm[0] > middle_mm else [empty, parts[0]]
    return list(parts) if x_mm[0] > x_mm[1] else [parts[1], parts[0]]


def _centre(mask: Mask, origin: Sequence[int]) -> tuple[float, float, float]:
    k, j, i = (
        float(np.average(np.arange(n), weights=mask.sum(axis=others, dtype=np.float64)))
        for n, others in zip(mask.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
    )
    return k + origin[0], j + origin[1], i + origin[2]


def _closed(lung: Mask, spacing: Spacing) -> Mask:
    """With the vessels that enter it: closing, then the small holes of each slice."""
    import edt

    if not lung.any():
        return lung
    margin = [int(np.ceil(_CLOSING_MM / step)) + 1 for step in spacing]
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
    import cc3d
    import fill_voids

    holes = cc3d.connected_components(fill_voids.fill(slice_lung) & ~slice_lung, connectivity=4)
    small = np.bincount(holes.ravel()) * pixel_mm2 <= _LARGEST_VESSEL_MM2
    small[0] = False
    result: Mask = small[holes]
    return result


def _check_sizes(sizes_ml: Sequence[float]) -> None:
    if max(sizes_ml) < _SMALLEST_LUNG_ML or max(sizes_ml) > _LARGEST_LUNG_ML:
        text = " and ".join(f"{size / 1000:.2f}" for size in sizes_ml)
        raise NothingFound(
            f"What looks like lungs measures {text} litres, which no lungs do.", remedy=_NO_LUNGS
        )


def _uncropped(mask: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    whole: Mask = np.zeros(shape, bool)
    whole[box] = mask
    return whole
