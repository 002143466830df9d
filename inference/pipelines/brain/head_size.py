"""Whether an intracranial mask can lie in a head at all, and in one that is the right way up.

deepbet finds something in whatever it is given. A trunk or two thighs that nobody named are wider
than any head, and a phantom filled with water has neither tissue nor fluid, which the images show
whatever the mask holds. Where the header turns a head over, the neck is above the mask; where it
exchanges rows and columns, the brain is wider than long. Sides that are exchanged show in nothing,
and what is back to front in too little.
"""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.connected_parts import connected_parts
from inference.imaging.volume import Volume

# A head of 62 cm around has 306 cm2, and the ears and noise add to it; the trunk of an adult has
# 450 cm2 and more.
MOST_CM2 = 380.0
# Of the median within the mask: what lies between the 10th and the 90th percentile. T1-weighted
# fluid, grey and white matter of the shared head have 1.4.
LEAST_CONTRAST = 0.25
# Scalp and skull above the brain of the shared head take 8 mm, with the slices reversed 56 mm, in
# which the images end.
MOST_ABOVE_MM = 40.0
_MORE_ABOVE_MM = 30.0
_LEAST_BEYOND_CM2 = 10.0
# Of the shared head 0.74; by anthropometry 1.0 is the roundest of heads.
MOST_WIDTH_TO_LENGTH = 1.1
_BLOCK_MM = 4.0
_TISSUE_SHARE = 0.12
_BRIGHT_PERCENTILE = 98.0


def section_cm2(volume: Volume, mask: NDArray[np.bool_]) -> float | None:
    """How large the body's section across is, in the middle of those that the mask lies in.

    Sections are taken along the voxel axis nearest to the patient's length. `mask`: shape (slices,
    rows, columns). None where there is nothing to judge by.
    """
    import fill_voids

    grid = _blocks(volume)
    steps = [one.step for one in grid]
    inside = mask[grid]
    if not inside.any():
        return None
    tissue = _tissue(volume, grid)
    along = int(np.argmax(np.abs(volume.lps_from_kji[2, :3])))
    across = [size for axis, size in enumerate(volume.spacing_mm) if axis != along]
    pixel_cm2 = across[0] * across[1] / 100.0
    pixel_cm2 *= float(np.prod([step for axis, step in enumerate(steps) if axis != along]))
    found = []
    for level in np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != along))):
        labels = connected_parts(np.take(tissue, level, axis=along), connectivity=4)
        counts = np.bincount(labels.ravel())
        counts[0] = 0
        body = fill_voids.fill(labels == counts.argmax()) if counts.any() else labels > 0
        found.append(float(np.count_nonzero(body)) * pixel_cm2)
    return float(np.median(found))


def turned(volume: Volume, mask: NDArray[np.bool_]) -> str:
    """What speaks against a head that lies as its header says, in a sentence; else empty.

    `mask`: shape (slices, rows, columns).
    """
    grid = _blocks(volume)
    inside = mask[grid]
    if not inside.any():
        return ""
    labels = connected_parts(_tissue(volume, grid), connectivity=6)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    body = labels == counts.argmax()
    sizes_mm = [one.step * size for one, size in zip(grid, volume.spacing_mm, strict=True)]

    def profile(of: NDArray[np.bool_], lps: int) -> tuple[NDArray[np.float64], float]:
        """Along the voxel axis nearest to one of the patient's, its area in cm2; the block, mm."""
        axis = int(np.argmax(np.abs(volume.lps_from_kji[lps, :3])))
        others = tuple(one for one in range(3) if one != axis)
        area = of.sum(axis=others) * sizes_mm[others[0]] * sizes_mm[others[1]] / 100.0
        return area[::-1] if volume.lps_from_kji[lps, axis] < 0 else area, sizes_mm[axis]

    levels, block_mm = profile(inside, 2)
    at = np.flatnonzero(levels)
    there = profile(body, 2)[0] > _LEAST_BEYOND_CM2
    below_mm = np.count_nonzero(there[: at[0]]) * block_mm
    above_mm = np.count_nonzero(there[at[-1] + 1 :]) * block_mm
    if above_mm > MOST_ABOVE_MM and above_mm > below_mm + _MORE_ABOVE_MM:
        return (
            f"The body goes on for {above_mm:.0f} mm above it and for {below_mm:.0f} mm below it,"
            " as in a head that is upside down: the header may state a wrong position."
        )
    across, across_mm = profile(inside, 0)
    deep, deep_mm = profile(inside, 1)
    width_mm = np.count_nonzero(across) * across_mm
    length_mm = np.count_nonzero(deep) * deep_mm
    if width_mm > MOST_WIDTH_TO_LENGTH * length_mm and not (deep[0] or deep[-1]):
        return (
            f"It is {width_mm:.0f} mm wide and {length_mm:.0f} mm long, as of a head that lies"
            " across: the header may state a wrong orientation."
        )
    return ""


def _blocks(volume: Volume) -> tuple[slice, slice, slice]:
    first, second, third = (
        slice(None, None, max(1, round(_BLOCK_MM / size))) for size in volume.spacing_mm
    )
    return first, second, third


def _tissue(volume: Volume, grid: tuple[slice, slice, slice]) -> NDArray[np.bool_]:
    voxels = volume.voxels[grid]
    padding = volume.padding_mask()
    if padding is not None:
        voxels = np.where(padding[grid], voxels[~padding[grid]].min(initial=0), voxels)
    dark, bright = np.percentile(voxels, (1.0, _BRIGHT_PERCENTILE))
    return np.asarray(voxels > dark + _TISSUE_SHARE * (bright - dark))


def contrast(volume: Volume, mask: NDArray[np.bool_]) -> float | None:
    """How far the values within the mask differ, as a share of their median; None without any."""
    values = volume.voxels[mask]
    if not values.size:
        return None
    low, middle, high = np.percentile(values, (10.0, 50.0, 90.0))
    return float((high - low) / middle) if middle > 0 else None
