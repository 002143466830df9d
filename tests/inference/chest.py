"""A chest in HU whose lungs are known to the voxel: ellipsoids, a trachea that forks, vessels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume

Mask = NDArray[np.bool_]
SHAPE = (76, 150, 170)
SPACING_MM = (3.0, 2.2, 2.0)


@dataclass(frozen=True)
class Chest:
    hu: NDArray[np.float32]
    lps_from_kji: NDArray[np.float64]
    left: Mask
    right: Mask
    """Of the patient, vessels within included."""


def chest(
    *, flips: tuple[bool, bool, bool] = (False, False, False), touching: bool = False
) -> Chest:
    """Head at the last slice, the patient's left at high columns, unless `flips` turns an axis."""
    origin = np.array([-170.0, -165.0, -114.0])
    k, j, i = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    x, y, z = (
        origin[axis] + index * step
        for axis, (index, step) in enumerate(
            ((i, SPACING_MM[2]), (j, SPACING_MM[1]), (k, SPACING_MM[0]))
        )
    )
    hu = np.full(SHAPE, -1000.0, np.float32)
    hu[(x / 160) ** 2 + (y / 120) ** 2 < 1] = 40.0
    middle_mm = 60.0 if touching else 68.0

    def lung(side: float, dense: float) -> Mask:
        inside: Mask = ((x - side * middle_mm) / 60) ** 2 + (y / 85) ** 2 + (z / 98) ** 2 < 1
        hu[inside] = dense
        return inside

    left, right = lung(1.0, -840.0), lung(-1.0, -870.0)
    if touching:
        # They meet in a narrow strip in front of the heart.
        bridge = (np.abs(x) < 9) & (np.abs(y + 20) < 7) & (np.abs(z) < 25)
        hu[bridge & ~left & ~right] = -850.0
    vessel = ((y - 10) ** 2 + (z - 12) ** 2 < 16) & (left | right)
    hu[vessel] = 30.0
    for lumen in (
        ((x**2 + (y - 5) ** 2) < 81) & (z > 20),
        ((np.abs(x) < 30) & ((y - 5) ** 2 + (z - 20 + np.abs(x) / 2) ** 2 < 36)),
    ):
        hu[lumen] = -1000.0
        left, right = left & ~lumen, right & ~lumen
    affine = np.zeros((4, 4))
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (
        (0, 0, SPACING_MM[0]),
        (0, SPACING_MM[1], 0),
        (SPACING_MM[2], 0, 0),
    )
    affine[:3, 3], affine[3, 3] = origin, 1.0
    for axis, flipped in enumerate(flips):
        if flipped:
            hu = np.flip(hu, axis).copy()
            left, right = np.flip(left, axis), np.flip(right, axis)
            affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
            affine[:3, axis] *= -1
    return Chest(hu, affine, left, right)


def volume_of(chest: Chest) -> Volume:
    """As if it had been assembled from a series without padding."""
    slices = chest.hu.shape[0]
    return Volume(
        voxels=chest.hu,
        lps_from_kji=chest.lps_from_kji,
        sop_instance_uids=tuple(f"2.25.{k + 1}" for k in range(slices)),
        frame_numbers=(1,) * slices,
        instance_indices=tuple(range(slices)),
        frame_of_reference_uid="2.25.900",
        series_instance_uid="2.25.901",
        study_instance_uid="2.25.902",
        modality="CT",
        photometric_interpretation="MONOCHROME2",
        padding_ranges=np.full((slices, 2), np.nan, np.float32),
    )
