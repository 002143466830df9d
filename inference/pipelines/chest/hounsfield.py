"""Whether the Hounsfield scale of a chest CT is right, by its air; and what makes streaks.

Air has -1000 HU by definition. Densitometry checks it outside of the patient and in the trachea
(QIBA Profile: Lung Density in CT).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of
from inference.imaging.volume import AIR_CLIPPED_HU
from inference.pipelines.chest.airways import Spacing, dilated

Mask = NDArray[np.bool_]

AIR_HU = -1000.0
MOST_OFF_OUTSIDE_HU = 30.0
# Scatter, and the wall within the voxels, lift the air of a narrow trachea.
MOST_OFF_IN_TRACHEA_HU = 45.0
_AIR_BELOW_HU = -700.0
_BORDER_SHARE = 0.06
_LEAST_ML = 5.0
_LEAST_OF_TRACHEA_ML = 0.5
_FROM_WALL_MM = 3.0
# 12 bits end at 3071 HU, where metal and undiluted contrast agent lie; bone has 2000 at most.
METAL_FROM_HU = 3000.0
_METAL_WITHIN_MM = 20.0
_LEAST_METAL_ML = 0.1


def why_scale_is_off(
    hu: NDArray[np.float32], airways: Mask, padding: Mask | None, spacing: Spacing
) -> str:
    """A sentence where air is not near -1000 HU; empty where it is, or where none is seen.

    `hu`: as the images state it. Arrays have the shape (slices, rows, columns).
    """
    for where, found, most in (
        ("outside of the body", _outside_hu(hu, padding, spacing), MOST_OFF_OUTSIDE_HU),
        ("in the trachea", _in_trachea_hu(hu, airways, spacing), MOST_OFF_IN_TRACHEA_HU),
    ):
        if found is not None and abs(found - AIR_HU) > most:
            return (
                f"Air {where} has {found:.0f} HU rather than {AIR_HU:.0f}: the Hounsfield scale of"
                " the images is off."
            )
    return ""


def _outside_hu(hu: NDArray[np.float32], padding: Mask | None, spacing: Spacing) -> float | None:
    """The median of air along the sides of the slices."""
    values = np.concatenate(list(_along_sides(hu, padding)))
    values = values[values < _AIR_BELOW_HU]
    if values.size * float(np.prod(spacing)) / 1000.0 < _LEAST_ML:
        return None
    median = float(np.median(values))
    # What was filled in says nothing of the scale.
    return None if median <= AIR_CLIPPED_HU else median


def _along_sides(hu: NDArray[np.float32], padding: Mask | None) -> Iterator[NDArray[np.float32]]:
    rows, columns = (max(1, round(n * _BORDER_SHARE)) for n in hu.shape[1:])
    for strip in (
        np.s_[:, :rows],
        np.s_[:, -rows:],
        np.s_[:, :, :columns],
        np.s_[:, :, -columns:],
    ):
        values = hu[strip]
        yield values.ravel() if padding is None else values[~padding[strip]]


def _in_trachea_hu(hu: NDArray[np.float32], airways: Mask, spacing: Spacing) -> float | None:
    """The median of the lumen, without what lies near its wall."""
    import edt

    if not airways.any():
        return None
    box = box_of(airways, margin=1)
    inner = edt.edt(np.ascontiguousarray(airways[box]), anisotropy=spacing, parallel=0)
    values = hu[box][inner > _FROM_WALL_MM]
    if values.size * float(np.prod(spacing)) / 1000.0 < _LEAST_OF_TRACHEA_ML:
        return None
    return float(np.median(values))


def streaks_beside(hu: NDArray[np.float32], lung: Mask, spacing: Spacing) -> bool:
    """Whether metal, or undiluted contrast agent, lies in lung or within 20 mm of it."""
    if not lung.any():
        return False
    around = box_of(lung, margin=int(np.ceil(_METAL_WITHIN_MM / min(spacing))))
    metal = hu[around] >= METAL_FROM_HU
    least = _LEAST_METAL_ML * 1000.0 / float(np.prod(spacing))
    if np.count_nonzero(metal) < least:
        return False
    near = dilated(np.ascontiguousarray(lung[around]), _METAL_WITHIN_MM, spacing)
    return bool(np.count_nonzero(metal & near) >= least)
