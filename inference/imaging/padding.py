"""What of a volume was never imaged: it belongs to no structure and to no number."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import AIR_CLIPPED_HU, Volume

_Masks = TypeVar("_Masks", bound=np.generic)
_IN_MOST_SLICES = 0.9


def not_imaged(volume: Volume) -> NDArray[np.bool_] | None:
    """Padding around what was imaged, bool of the volume's shape; None where there is none.

    Padding within the image counts where no measured value is so low (HU below -1024). Others may
    be both: CTs whose padding is -1024 clip air there, and the darkest voxels of an MR have its
    padding value of 0. What lies around a circle that is the same in all slices is padding at
    -1024 HU whether it is stated or not.
    """
    padding = volume.padding_mask()
    if volume.modality == "CT":
        found = _not_imaged_of_ct(volume, padding)
    else:
        found = None if padding is None else _connected(padding, _at_sides)
    return found if found is not None and found.any() else None


def _not_imaged_of_ct(
    volume: Volume, padding: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """A bulla or bowel that a side cuts off is clipped to -1024 HU as well, and was imaged.

    Padding reaches a corner of its slice, because what is reconstructed is convex.
    """
    if padding is not None and (volume.voxels[padding] >= AIR_CLIPPED_HU).any():
        around = _connected(padding, _at_corners)
        return around | (padding & (volume.voxels < AIR_CLIPPED_HU))
    beyond = _beyond_circle(volume)
    if beyond is None:
        return padding
    filled: NDArray[np.bool_] = beyond & (volume.voxels == AIR_CLIPPED_HU)
    return filled if padding is None else filled | padding


def _beyond_circle(volume: Volume) -> NDArray[np.bool_] | None:
    """Pixels, of shape (rows, columns), beyond the least circle around the middle of the slices
    outside of which all, but for a few slices, are -1024 HU; None where there is none."""
    voxels = volume.voxels
    slices, rows, columns = voxels.shape
    corners = voxels[:, [0, 0, -1, -1], [0, -1, 0, -1]] == AIR_CLIPPED_HU
    if not (corners.mean(axis=0) >= _IN_MOST_SLICES).all():
        return None
    filled = np.zeros((rows, columns), np.intp)
    for one in voxels:
        filled += one == AIR_CLIPPED_HU
    imaged = filled < _IN_MOST_SLICES * slices
    if not imaged.any():
        return None
    _, row_mm, column_mm = volume.spacing_mm
    j, i = np.ogrid[:rows, :columns]
    from_middle_mm = np.hypot((j - (rows - 1) / 2) * row_mm, (i - (columns - 1) / 2) * column_mm)
    # Its middle may lie between others than the middle pixels.
    radius_mm = from_middle_mm[imaged].max() - 2 * max(row_mm, column_mm)
    beyond: NDArray[np.bool_] = from_middle_mm > radius_mm
    return beyond


def _connected(
    padding: NDArray[np.bool_], at_edge: Callable[[NDArray[Any]], Sequence[NDArray[Any]]]
) -> NDArray[np.bool_]:
    """The padding that reaches an edge of its slice within the slice."""
    # The processes that schedule and deliver read this module, and never look at a voxel.
    from scipy import ndimage

    within_slices = np.zeros((3, 3, 3), bool)
    within_slices[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(padding, within_slices)
    around = np.zeros(int(labels.max()) + 1, bool)
    around[np.concatenate([edge.ravel() for edge in at_edge(labels)])] = True
    around[0] = False
    found: NDArray[np.bool_] = around[labels]
    return found


def _at_sides(labels: NDArray[Any]) -> Sequence[NDArray[Any]]:
    return labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]


def _at_corners(labels: NDArray[Any]) -> Sequence[NDArray[Any]]:
    return (labels[:, [0, 0, -1, -1], [0, -1, 0, -1]],)


def without_not_imaged(masks: NDArray[_Masks], volume: Volume) -> NDArray[_Masks]:
    """Masks or a label map, zero where nothing was imaged; the same array where that is so.

    `masks`: shape (slices, rows, columns), with or without an axis of segments behind.
    """
    outside = not_imaged(volume)
    if outside is None or not masks[outside].any():
        return masks
    cleared: NDArray[Any] = masks.copy()
    cleared[outside] = 0
    return cleared


def measured_voxels(volume: Volume) -> NDArray[np.float32]:
    """The voxels, with padding set to the lowest measured value so that it scales nothing."""
    padding = volume.padding_mask()
    if padding is None or not padding.any() or padding.all():
        return volume.voxels
    return np.where(padding, volume.voxels[~padding].min(), volume.voxels)
