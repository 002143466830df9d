"""A volume on the grid of another, where both state where they lie in the same patient space."""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume

_SAME_MM = 1e-3


def on_same_grid(volume: Volume, reference: Volume) -> bool:
    """Whether the two have the same voxels, to a thousandth of a millimetre at every corner."""
    if volume.voxels.shape != reference.voxels.shape:
        return False
    last = np.array(volume.voxels.shape) - 1
    corners = np.array([(*(last * side), 1) for side in np.ndindex(2, 2, 2)], np.float64)
    apart = (volume.lps_from_kji - reference.lps_from_kji) @ corners.T
    return bool(np.abs(apart[:3]).max() <= _SAME_MM)


def onto_grid(volume: Volume, reference: Volume) -> NDArray[np.float32]:
    """Trilinear, float32 of the reference's shape; the least value where nothing was imaged.

    By the affines alone: nothing is registered. Both must have one Frame of Reference.
    """
    return _resampled(volume, reference, 1, float(volume.voxels.min()))


def mask_onto_grid(volume: Volume, reference: Volume, outside: float) -> NDArray[np.float32]:
    """The same of a mask, nearest voxel; `outside` where nothing was imaged."""
    return _resampled(volume, reference, 0, outside)


def grid_from_grid(volume: Volume, reference: Volume) -> NDArray[np.float64]:
    """4×4: from an index (k, j, i) of the reference to that of the volume."""
    found: NDArray[np.float64] = np.linalg.inv(volume.lps_from_kji) @ reference.lps_from_kji
    return found


def _resampled(
    volume: Volume, reference: Volume, order: int, outside: float
) -> NDArray[np.float32]:
    if on_same_grid(volume, reference):
        return volume.voxels
    from scipy import ndimage

    own_from_reference = grid_from_grid(volume, reference)
    moved: NDArray[np.float32] = ndimage.affine_transform(
        volume.voxels,
        own_from_reference[:3, :3],
        own_from_reference[:3, 3],
        output_shape=reference.voxels.shape,
        output=np.float32,
        order=order,
        mode="constant",
        cval=outside,
    )
    return moved
