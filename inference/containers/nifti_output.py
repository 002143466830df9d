"""What a container wrote as NIfTI, taken where it lies on the grid of what it was given."""

import gzip
import math
from collections.abc import Iterable
from dataclasses import dataclass
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
from inference.refusals import ModelUnusable
from inference.results.masks.place import Grid

NIFTI = (".nii", ".nii.gz")
_VALUE_AT_MOST = 65_535
_HEADER_AT_MOST_BYTES = 1024 * 1024
_VOXEL_AT_MOST_BYTES = 8


def read_label_map(path: Path, grids: Iterable[Grid]) -> tuple[int, NDArray[np.uint16]]:
    """On which of the grids it lies, the first that fits, and its values there: shape (slices,
    rows, columns). Its axes may run otherwise than those of the grid.

    No more of the file is inflated than one of the grids that are asked for so far can hold.
    Raises ModelUnusable where it lies elsewhere than the first, and on none, and what nibabel
    raises of what is no NIfTI.
    """
    found = _on_grid(path, grids)
    turned: NDArray[Any] = apply_orientation(_whole(path, found), found.turn).T
    return found.index, turned.astype(np.uint16)


def read_quantities(path: Path, grid: Grid) -> NDArray[np.float32]:
    """The values of a map, likewise: float32; NaN where there is none."""
    found = _on_grid(path, (grid,))
    if found.values.dtype.kind not in "iuf":
        raise _refused(path, f"holds {found.values.dtype}, no numbers", grid)
    turned: NDArray[Any] = apply_orientation(found.values, found.turn).T
    return turned.astype(np.float32)


@dataclass(frozen=True)
class _OnGrid:
    """The voxels as they are stored, and how their axes turn into those of a grid."""

    index: int
    grid: Grid
    values: NDArray[Any]
    turn: NDArray[np.float64]


def _on_grid(path: Path, grids: Iterable[Grid]) -> _OnGrid:
    refused = None
    content, image = b"", None
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
        for index, grid in enumerate(grids):
            at_most = math.prod(grid.shape) * _VOXEL_AT_MOST_BYTES + _HEADER_AT_MOST_BYTES
            content += stream.read(max(0, at_most + 1 - len(content)))
            try:
                if len(content) > at_most:
                    why = f"is larger than an image on the grid of the {grid.of} can be"
                    raise _refused(path, why, grid)
                image = image or Nifti1Image.from_bytes(content)
                shape, turn = _placed(path, image, grid)
            except ModelUnusable as error:
                refused = refused or error
                continue
            return _OnGrid(index, grid, np.asanyarray(image.dataobj).reshape(shape), turn)
    raise refused or ValueError("no grid")


def _placed(
    path: Path, image: Nifti1Image, grid: Grid
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Shape of three axes, and how these turn into those of the grid. Raises ModelUnusable where it
    lies elsewhere."""
    slices, rows, columns = grid.shape
    shape, affine = tuple(image.shape), np.asarray(image.affine, np.float64)
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if len(shape) == 2:
        shape, affine = (*shape, 1), _with_third_axis(affine)
    if len(shape) != 3:
        raise _refused(path, f"has {len(shape)} axes; the {grid.of} has 3", grid)
    source = io_orientation((RAS_FROM_LPS @ grid.lps_from_kji)[:, [2, 1, 0, 3]])
    turn = ornt_transform(io_orientation(affine), source)
    ras_from_ijk = affine @ inv_ornt_aff(turn, shape)
    turned_shape = tuple(shape[int(axis)] for axis in np.argsort(turn[:, 0]))
    if turned_shape != (columns, rows, slices):
        raise _refused(
            path,
            f"has {' × '.join(map(str, turned_shape))} voxels; the {grid.of} has"
            f" {columns} × {rows} × {slices}",
            grid,
        )
    lps_from_ijk = RAS_FROM_LPS @ ras_from_ijk
    for k in (0, slices - 1):
        corners = [(0, 0, k), (columns - 1, 0, k), (columns - 1, rows - 1, k)]
        check_corners(grid, k, [(lps_from_ijk @ (*one, 1.0))[:3] for one in corners])
    return shape, turn


def _with_third_axis(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of an image of two axes: the third stands on both."""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    with_normal = affine.copy()
    with_normal[:3, 2] = normal / (np.linalg.norm(normal) or 1.0)
    return with_normal


def _whole(path: Path, found: _OnGrid) -> NDArray[Any]:
    values, grid = found.values, found.grid
    if values.dtype.kind not in "iuf":
        raise _refused(path, f"holds {values.dtype}, no labels", grid)
    low, high = values.min(), values.max()
    # Written so that a NaN fails, too.
    if not (low >= 0 and high <= _VALUE_AT_MOST):
        raise _refused(path, "holds values that are no labels from 0 to 65535", grid)
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise _refused(path, "holds values between whole numbers", grid)
    return values


def _refused(path: Path, why: str, grid: Grid) -> ModelUnusable:
    return ModelUnusable(
        f"{path.name[:80]} of the container {why}.",
        remedy=f"Ask who made the image for results on the grid of the {grid.of}.",
    )
