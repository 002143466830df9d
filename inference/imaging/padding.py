"""What of a volume was never imaged: it belongs to no structure and to no number."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import AIR_CLIPPED_HU, Volume

_Masks = TypeVar("_Masks", bound=np.generic)


def not_imaged(volume: Volume) -> NDArray[np.bool_] | None:
    """Padding around what was imaged, bool of the volume's shape; None where there is none.

    Padding within the image counts where no measured value is so low (HU below -1024). Others may
    be both: CTs whose padding is -1024 clip air there, and the darkest voxels of an MR have its
    padding value of 0.
    """
    padding = volume.padding_mask()
    if padding is None or not padding.any():
        return None
    # The processes that schedule and deliver read this module, and never look at a voxel.
    from scipy import ndimage

    within_slices = np.zeros((3, 3, 3), bool)
    within_slices[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(padding, within_slices)
    sides = (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1])
    around = np.zeros(int(labels.max()) + 1, bool)
    around[np.concatenate([side.ravel() for side in sides])] = True
    around[0] = False
    found: NDArray[np.bool_] = around[labels]
    if volume.modality == "CT":
        found |= padding & (volume.voxels < AIR_CLIPPED_HU)
    return found if found.any() else None


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
