"""How two masks on one grid agree. Surface measures are MONAI's, in mm."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of

SURFACE_TOLERANCE_MM = 2.0
"""Surfaces nearer than this count as the same in surface Dice."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """NaN where a measure has no meaning, as the distance to a mask that is empty."""

    dice: float
    surface_dice: float
    hausdorff95_mm: float
    found_ml: float
    true_ml: float

    @property
    def volume_error_percent(self) -> float:
        """Signed, of the true volume."""
        if self.true_ml == 0.0:
            return math.nan
        return (self.found_ml - self.true_ml) / self.true_ml * 100.0


def dice_of(found: Mask, true: Mask) -> float:
    """1 where both are empty: nothing was there, and nothing was found."""
    total = int(np.count_nonzero(found)) + int(np.count_nonzero(true))
    return 1.0 if total == 0 else 2.0 * int(np.count_nonzero(found & true)) / total


def agreement(
    found: Mask, true: Mask, spacing_mm: tuple[float, float, float], voxel_mm3: float
) -> Agreement:
    """Compare masks of shape (slices, rows, columns) with that spacing."""
    ml = voxel_mm3 / 1000.0
    found_ml, true_ml = (float(np.count_nonzero(mask)) * ml for mask in (found, true))
    dice = dice_of(found, true)
    if found_ml == 0.0 or true_ml == 0.0:
        both_empty = found_ml == true_ml
        nan = math.nan
        return Agreement(dice, 1.0 if both_empty else 0.0, nan, found_ml, true_ml)
    surface, distance = surfaces(found, true, spacing_mm)
    return Agreement(dice, surface, distance, found_ml, true_ml)


def surfaces(found: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> tuple[float, float]:
    """Surface Dice and HD95 in mm of two masks that hold something, with two axes or three."""
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    # Far from both there is nothing to measure; a margin keeps surfaces off the border.
    box = box_of(found | true, margin=2)
    pair = [torch.from_numpy(np.ascontiguousarray(mask[box]))[None, None] for mask in (found, true)]
    pair = [torch.nn.functional.pad(mask.float(), (1, 1) * found.ndim) for mask in pair]
    with warnings.catch_warnings():
        # Of MONAI's own calls to its own functions.
        warnings.simplefilter("ignore", FutureWarning)
        surface = compute_surface_dice(
            *pair, [SURFACE_TOLERANCE_MM], include_background=True, spacing=spacing_mm
        )
        distance = compute_hausdorff_distance(
            *pair, include_background=True, percentile=95, spacing=spacing_mm
        )
    return float(surface), float(distance)
