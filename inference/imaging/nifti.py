"""Volumes and label maps as NIfTI-1, on the grid on which the images were measured."""

import gzip
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume

_SCANNER = 1
"""Coordinates of the scanner (NIFTI_XFORM_SCANNER_ANAT)."""


def volume_as_nifti(volume: Volume) -> bytes:
    """Axes i, j, k: columns, rows, slices. Whole numbers of 16 bits stay what they are."""
    return _nifti(_as_stored(volume.voxels), volume.lps_from_kji)


def labels_as_nifti(labels: NDArray[Any], volume: Volume) -> bytes:
    """`labels`: of each voxel of the volume, or shape (slices, rows, columns, segments) where
    segments overlap; the fourth axis of the file is then that of the segments."""
    return _nifti(labels.astype(np.uint8), volume.lps_from_kji)


def _as_stored(voxels: NDArray[np.float32]) -> NDArray[Any]:
    low, high = float(voxels.min()), float(voxels.max())
    limits = np.iinfo(np.int16)
    if low < limits.min or high > limits.max or not (voxels == np.rint(voxels)).all():
        return voxels
    return voxels.astype(np.int16)


def _nifti(array: NDArray[Any], lps_from_kji: NDArray[np.float64]) -> bytes:
    """Compressed, and the same each time. The header names nobody and no file."""
    axes = (2, 1, 0, *range(3, array.ndim))
    ras_from_ijk = (RAS_FROM_LPS @ lps_from_kji)[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(array.transpose(axes), ras_from_ijk)
    image.header.set_xyzt_units("mm")
    image.set_sform(ras_from_ijk, code=_SCANNER)
    directions = ras_from_ijk[:3, :3] / np.linalg.norm(ras_from_ijk[:3, :3], axis=0)
    is_orthogonal = np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)
    # A quaternion cannot state the shear of a tilted gantry.
    image.set_qform(ras_from_ijk, code=_SCANNER if is_orthogonal else 0)
    data: bytes = image.to_bytes()
    return gzip.compress(data, mtime=0)
