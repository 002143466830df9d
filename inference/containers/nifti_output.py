"""What a container wrote as NIfTI, taken where it lies on the grid of the series."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from nibabel import Nifti1Image
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from inference.containers.masks import check_corners
from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume
from inference.refusals import ModelUnusable

_REMEDY = "Ask who made the image for results on the grid of the series."
_VALUE_AT_MOST = 65_535
_HEADER_AT_MOST_BYTES = 1024 * 1024
_VOXEL_AT_MOST_BYTES = 8


def read_label_map(path: Path, volume: Volume) -> NDArray[np.uint16]:
    """Shape (slices, rows, columns). Its axes may run otherwise than those of the series.

    Raises ModelUnusable where it lies elsewhere, and what nibabel raises of what is no NIfTI.
    """
    values, turn = _on_grid(path, volume)
    turned: NDArray[Any] = apply_orientation(_whole(path, values), turn).T
    return turned.astype(np.uint16)


def read_quantities(path: Path, volume: Volume) -> NDArray[np.float32]:
    """The values of a map, likewise: float32; NaN where there is none."""
    values, turn = _on_grid(path, volume)
    if values.dtype.kind not in "iuf":
        raise _refused(path, f"holds {values.dtype}, no numbers")
    turned: NDArray[Any] = apply_orientation(values, turn).T
    return turned.astype(np.float32)


def _on_grid(path: Path, volume: Volume) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The voxels as they are stored, and how their axes turn into those of the series."""
    at_most = volume.voxels.size * _VOXEL_AT_MOST_BYTES + _HEADER_AT_MOST_BYTES
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
        content = stream.read(at_most + 1)
    if len(content) > at_most:
        raise _refused(path, "is larger than an image on the grid of the series can be")
    image = Nifti1Image.from_bytes(content)
    slices, rows, columns = volume.voxels.shape
    shape = tuple(image.shape)
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    source = io_orientation((RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]])
    turn = ornt_transform(io_orientation(image.affine), source)
    ras_from_ijk = image.affine @ inv_ornt_aff(turn, shape)
    turned_shape = tuple(shape[int(axis)] for axis in np.argsort(turn[:, 0]))
    if turned_shape != (columns, rows, slices):
        raise _refused(
            path,
            f"has {' × '.join(map(str, turned_shape))} voxels; the series has"
            f" {columns} × {rows} × {slices}",
        )
    lps_from_ijk = RAS_FROM_LPS @ ras_from_ijk
    for k in (0, slices - 1):
        corners = [(0, 0, k), (columns - 1, 0, k), (columns - 1, rows - 1, k)]
        check_corners(volume, k, [(lps_from_ijk @ (*one, 1.0))[:3] for one in corners])
    return np.asanyarray(image.dataobj).reshape(shape), turn


def _whole(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "iuf":
        raise _refused(path, f"holds {values.dtype}, no labels")
    low, high = values.min(), values.max()
    # Written so that a NaN fails, too.
    if not (low >= 0 and high <= _VALUE_AT_MOST):
        raise _refused(path, "holds values that are no labels from 0 to 65535")
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise _refused(path, "holds values between whole numbers")
    return values


def _refused(path: Path, why: str) -> ModelUnusable:
    return ModelUnusable(f"{path.name[:80]} of the container {why}.", remedy=_REMEDY)
