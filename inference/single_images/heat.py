"""Heat maps on the grid that a model was shown, and where that lies in the image that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.single_images.placement import Placement
from storage.core.heat_maps import HeatMap

_DECIMALS = 6


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
            tuple(round(float(one), _DECIMALS) for one in row) for row in values[rows][:, columns]
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
