"""A head on the grid that MeshNet was trained on, and labels back on the source grid.

The grid: 256³ voxels of 1 mm, axes towards left, inferior and anterior, its middle in the
middle of the source.
"""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume

SIZE = 256
_PERCENTILES = (2.0, 98.0)


def lps_from_lia(volume: Volume) -> NDArray[np.float64]:
    """4×4, maps an index of the conformed grid to the voxel's centre in mm, LPS."""
    middle = (np.array(volume.voxels.shape) - 1) / 2
    centre_mm = volume.lps_from_kji @ (*middle, 1.0)
    affine = np.zeros((4, 4))
    affine[0, 0], affine[2, 1], affine[1, 2], affine[3, 3] = 1.0, -1.0, -1.0, 1.0
    affine[:3, 3] = centre_mm[:3] - affine[:3, :3] @ np.full(3, (SIZE - 1) / 2)
    return affine


def conformed(volume: Volume, voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """`voxels` on the grid, trilinear, scaled so that 2nd and 98th percentile are 0 and 1.

    `voxels` has the shape of the volume; the answer is float32 of 256³, clipped to 0..1.
    """
    from scipy.ndimage import affine_transform

    kji_from_lia = np.linalg.inv(volume.lps_from_kji) @ lps_from_lia(volume)
    darkest = float(voxels.min())
    resampled: NDArray[np.float32] = affine_transform(
        voxels,
        kji_from_lia[:3, :3],
        offset=kji_from_lia[:3, 3],
        output_shape=(SIZE,) * 3,
        order=1,
        cval=darkest,
        output=np.float32,
    )
    # As Python's floats, which leave single precision single.
    low, high = (float(value) for value in np.percentile(resampled, _PERCENTILES))
    scaled: NDArray[np.float32] = np.clip((resampled - low) / max(high - low, 1e-6), 0.0, 1.0)
    return scaled


def on_source_grid(labels: NDArray[np.uint8], volume: Volume) -> NDArray[np.uint8]:
    """Labels of the conformed grid on that of the source, by the nearest voxel."""
    from scipy.ndimage import affine_transform

    lia_from_kji = np.linalg.inv(lps_from_lia(volume)) @ volume.lps_from_kji
    moved: NDArray[np.uint8] = affine_transform(
        labels,
        lia_from_kji[:3, :3],
        offset=lia_from_kji[:3, 3],
        output_shape=volume.voxels.shape,
        order=0,
        output=np.uint8,
    )
    return moved


def mask_on_grid(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.bool_]:
    """A mask of the source grid on the conformed one, by the nearest voxel."""
    from scipy.ndimage import affine_transform

    kji_from_lia = np.linalg.inv(volume.lps_from_kji) @ lps_from_lia(volume)
    moved = affine_transform(
        mask.astype(np.uint8),
        kji_from_lia[:3, :3],
        offset=kji_from_lia[:3, 3],
        output_shape=(SIZE,) * 3,
        order=0,
    )
    return np.asarray(moved > 0)
