"""Whether an intracranial mask can lie in a head at all.

deepbet finds something in whatever it is given. A trunk or two thighs that nobody named are wider
than any head, and a phantom filled with water has neither tissue nor fluid, which the images show
whatever the mask holds.
"""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume

# A head of 62 cm around has 306 cm2, and the ears and noise add to it; the trunk of an adult has
# 450 cm2 and more.
MOST_CM2 = 380.0
# Of the median within the mask: what lies between the 10th and the 90th percentile. T1-weighted
# fluid, grey and white matter of the shared head have 1.4.
LEAST_CONTRAST = 0.25
_BLOCK_MM = 4.0
_TISSUE_SHARE = 0.12
_BRIGHT_PERCENTILE = 98.0


def section_cm2(volume: Volume, mask: NDArray[np.bool_]) -> float | None:
    """How large the body's section across is, in the middle of those that the mask lies in.

    Sections are taken along the voxel axis nearest to the patient's length. `mask`: shape (slices,
    rows, columns). None where there is nothing to judge by.
    """
    import cc3d
    import fill_voids

    steps = [max(1, round(_BLOCK_MM / size)) for size in volume.spacing_mm]
    grid = tuple(slice(None, None, step) for step in steps)
    voxels, inside = volume.voxels[grid], mask[grid]
    padding = volume.padding_mask()
    if padding is not None:
        voxels = np.where(padding[grid], voxels[~padding[grid]].min(initial=0), voxels)
    if not inside.any():
        return None
    dark, bright = np.percentile(voxels, (1.0, _BRIGHT_PERCENTILE))
    tissue = voxels > dark + _TISSUE_SHARE * (bright - dark)
    along = int(np.argmax(np.abs(volume.lps_from_kji[2, :3])))
    across = [size for axis, size in enumerate(volume.spacing_mm) if axis != along]
    pixel_cm2 = across[0] * across[1] / 100.0
    pixel_cm2 *= float(np.prod([step for axis, step in enumerate(steps) if axis != along]))
    found = []
    for level in np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != along))):
        labels = cc3d.connected_components(
            np.ascontiguousarray(np.take(tissue, level, axis=along)), connectivity=4
        )
        counts = np.bincount(labels.ravel())
        counts[0] = 0
        body = fill_voids.fill(labels == counts.argmax()) if counts.any() else labels > 0
        found.append(float(np.count_nonzero(body)) * pixel_cm2)
    return float(np.median(found))


def contrast(volume: Volume, mask: NDArray[np.bool_]) -> float | None:
    """How far the values within the mask differ, as a share of their median; None without any."""
    values = volume.voxels[mask]
    if not values.size:
        return None
    low, middle, high = np.percentile(values, (10.0, 50.0, 90.0))
    return float((high - low) / middle) if middle > 0 else None
