"""The grid of a session: where points and boxes lie in the volume. Coordinates are LPS in mm."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from storage.core.errors import InvalidRequest
from storage.interactive.entities import Box, Grid, Point, Shape


def grid_of(volume: Volume) -> Grid:
    slices, rows, columns = volume.voxels.shape
    return {
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "lps_from_kji": volume.lps_from_kji.tolist(),
        "sources": list(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True)),
    }


def check_inside(
    points: Sequence[Point], box: Box | None, shapes: Sequence[Shape], grid: Grid
) -> None:
    """Raises InvalidRequest, naming the point, for one that lies outside of the volume, and for a
    box without a voxel."""
    for shape in shapes:
        for corner in shape["lps_mm"]:
            _index(corner, grid)
    for point in points:
        _index(point["lps_mm"], grid)
    if box is not None:
        region_of(box, grid)


def region_of(box: Box, grid: Grid) -> tuple[slice, slice, slice]:
    """The voxels whose centres lie between two corners. Raises InvalidRequest for a corner outside
    of the volume, and for a box without a voxel."""
    corners = np.array([_index(corner, grid) for corner in box])
    low = np.maximum(np.ceil(corners.min(axis=0) - 1e-6).astype(int), 0)
    high = np.floor(corners.max(axis=0) + 1e-6).astype(int) + 1
    if (high <= low).any():
        raise InvalidRequest("The box holds the centre of no voxel.", remedy="Draw a larger one.")
    k, j, i = (slice(int(one), int(other)) for one, other in zip(low, high, strict=True))
    return k, j, i


def _index(lps_mm: Sequence[float], grid: Grid) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.linalg.solve(
        np.array(grid["lps_from_kji"]), np.array([*lps_mm, 1.0])
    )[:3]
    shape = np.array([grid["slices"], grid["rows"], grid["columns"]])
    # Beyond the edge of a voxel by no more than coordinates are rounded.
    if (found < -0.501).any() or (found > shape - 0.499).any():
        where = ", ".join(f"{one:g}" for one in lps_mm)
        raise InvalidRequest(
            f"The point ({where}) mm lies outside of the series.",
            remedy="Coordinates are of the patient, LPS in mm; click into the image.",
        )
    return found
