"""The box around what a mask holds."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]


def box_of(mask: NDArray[np.bool_], margin: int) -> Box:
    """The smallest box around what is True, `margin` voxels larger, within the array.

    `mask` holds something.
    """
    box = []
    for axis, size in enumerate(mask.shape):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        low, high = int(found[0]) - margin, int(found[-1]) + 1 + margin
        box.append(slice(max(0, low), min(size, high)))
    return tuple(box)
