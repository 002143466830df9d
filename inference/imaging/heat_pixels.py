"""The values of a heat map at the pixels of its image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.core.results.heat_maps import HeatMap


def on_pixels(heat_map: HeatMap, rows: int, columns: int) -> NDArray[np.float32]:
    """The value of the part in which the middle of each pixel of the image lies.

    float32 of shape (rows, columns); NaN where the model was shown nothing of the image.
    """
    a, b, c, d, e, f = heat_map.image_from_grid
    values = np.full((len(heat_map.values) + 1, len(heat_map.values[0]) + 1), np.nan, np.float32)
    values[:-1, :-1] = heat_map.values
    at_column, at_row = np.arange(columns) + 0.5, np.arange(rows) + 0.5
    if a:
        x, y = (at_column - e) / a, (at_row - f) / d
    else:
        # Turned by a right angle: along the rows of the grid run the columns of the image.
        x, y = (at_row - f) / b, (at_column - e) / c
    part_of_x, part_of_y = _parts(heat_map.column_edges, x), _parts(heat_map.row_edges, y)
    found = values[part_of_y[:, None], part_of_x[None, :]]
    return np.ascontiguousarray(found if a else found.T)


def _parts(edges: Sequence[float], places: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """In which part each place lies; -1 in none."""
    found = np.searchsorted(edges, places, side="right") - 1
    return np.where((places < edges[0]) | (places >= edges[-1]), -1, found)
