"""Air without the texture of lung within what was taken for a lung.

The air of a pneumothorax, of a giant bulla and of the bowel has about -1000 HU and nothing in it:
neither vessels nor septa. By density alone it is lung with the worst of emphysema.
"""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of
from inference.imaging.connected_parts import connected_parts
from inference.pipelines.chest.airways import Spacing, dilated

Mask = NDArray[np.bool_]

# Means of blocks of about this edge, and of their neighbours: noise of a thin slice is gone, and
# emphysema has tissue in them. Its mean is seldom below -970 HU, that of air always below -980.
_BLOCK_MM = 2.5
_AIR_BELOW_HU = -975.0
_REGROWN_MM = 4.0
_LUNG_BELOW_HU = -900.0


def free_air_ml(hu: NDArray[np.float32], lung: Mask, spacing: Spacing) -> float:
    """The largest piece of such air within `lung`, in ml; what is thinner than 8 mm is not seen.

    `hu` and `lung`: shape (slices, rows, columns).
    """
    from scipy.ndimage import uniform_filter

    if not lung.any():
        return 0.0
    box = box_of(lung, margin=2)
    steps = [max(1, round(_BLOCK_MM / size)) for size in spacing]
    blocks = _block_means(hu[box], steps)
    inside = _block_means(lung[box].astype(np.float32), steps) > 0.5
    core = (uniform_filter(blocks, 3, mode="nearest") < _AIR_BELOW_HU) & inside
    labels = connected_parts(core, connectivity=6)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    if not counts.any():
        return 0.0
    block_mm = (spacing[0] * steps[0], spacing[1] * steps[1], spacing[2] * steps[2])
    # The means have taken its rim off.
    whole = dilated(np.ascontiguousarray(labels == counts.argmax()), _REGROWN_MM, block_mm)
    whole &= inside & (blocks < _LUNG_BELOW_HU)
    return float(np.count_nonzero(whole)) * float(np.prod(block_mm)) / 1000.0


def _block_means(values: NDArray[np.float32], steps: list[int]) -> NDArray[np.float32]:
    size = [n // step for n, step in zip(values.shape, steps, strict=True)]
    whole = values[tuple(slice(n * step) for n, step in zip(size, steps, strict=True))]
    parted = whole.reshape([part for pair in zip(size, steps, strict=True) for part in pair])
    means: NDArray[np.float32] = parted.mean(axis=(1, 3, 5), dtype=np.float32)
    return means
