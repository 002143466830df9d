"""Heat maps on the grid that a model was shown, and where that lies in the image that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.single_images.placement import Placement
from storage.core.results.heat_maps import HeatMap

_DIGITS = 6
_PARTS_AT_MOST = 64
"""Along an edge: no network sees finer, and a finding is no image."""


def placed_heat(
    placement: Placement,
    values: NDArray[np.float32],
    row_edges: Sequence[float],
    column_edges: Sequence[float],
    method: Literal["occlusion", "model"],
    *,
    frame_number: int | None = None,
    meaning: str = "",
) -> HeatMap:
    """`values` (rows, columns) of parts whose borders lie at the edges, in pixels of the grid.

    What of the grid shows nothing of the image is cut off.
    """
    top, left, bottom, right = placement.window
    rows, row_edges = _within(row_edges, top, bottom)
    columns, column_edges = _within(column_edges, left, right)
    matrix = placement.source_from_model
    (a, c, e), (b, d, f) = ([float(one) for one in matrix[row]] for row in (0, 1))
    return HeatMap(
        method,
        tuple(
            tuple(float(f"{one:.{_DIGITS}g}") for one in row) for row in values[rows][:, columns]
        ),
        row_edges,
        column_edges,
        (a, b, c, d, e, f),
        frame_number,
        meaning,
    )


def _within(edges: Sequence[float], first: float, last: float) -> tuple[slice, tuple[float, ...]]:
    """Which parts lie between two lines, and their borders cut off there."""
    ends = np.asarray(edges, np.float64)
    kept = np.flatnonzero((ends[1:] > first) & (ends[:-1] < last))
    begin, end = int(kept[0]), int(kept[-1]) + 1
    cut = np.clip(ends[begin : end + 1], first, last)
    return slice(begin, end), tuple(float(one) for one in cut)


def own_heat(
    placement: Placement, plane: NDArray[np.float32], frame_number: int | None, meaning: str
) -> HeatMap:
    """What a network gives by itself over its whole grid, on whatever grid it gives it: the mean
    of parts, 64 along an edge at most."""
    rows, columns = (_cuts(size) for size in plane.shape)
    sums = np.add.reduceat(np.add.reduceat(plane, rows[:-1], axis=0), columns[:-1], axis=1)
    areas = np.diff(rows)[:, None] * np.diff(columns)[None, :]
    scales = [grid / size for grid, size in zip(placement.grid, plane.shape, strict=True)]
    return placed_heat(
        placement,
        np.asarray(sums / areas, np.float32),
        (rows * scales[0]).tolist(),
        (columns * scales[1]).tolist(),
        "model",
        frame_number=frame_number,
        meaning=meaning,
    )


def _cuts(size: int) -> NDArray[np.int64]:
    return np.linspace(0, size, min(size, _PARTS_AT_MOST) + 1).round().astype(np.int64)
