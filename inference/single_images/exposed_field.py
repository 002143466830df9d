"""The exposed field of a film, by the straight edges of its collimation. No model is involved.

The diaphragm of an X-ray tube is a rectangle, which lies parallel to the detector or is turned by
some degrees. Each of its sides is looked for as a long straight edge beside which the film is
unexposed (shown white, as dense bone is) or blackened, and evenly so. A side that is not found is
that of the image.

Coordinates are (column, row): 0, 0 is the upper left corner of the upper left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.single_images.edge_measurement import measure_edge
from inference.single_images.edge_search import EdgeLine, Floats, edge_between, find_edges

Side = Literal["left", "right", "top", "bottom"]

_Points = NDArray[np.float64]

_GRID_PIXELS = 400
"""Of the longer side of the grid on which edges are looked for, before they are measured."""
_PADDING = 1.3
"""On a scale on which 0 is the most and 1 the least exposed of the film."""
_FIELD_AT_LEAST = 0.04
_NO_RANGE = 1e-9
_ALIKE = 1.0 / 512.0
_SIDES: tuple[tuple[Side, Side], ...] = (("left", "right"), ("top", "bottom"))


@dataclass(frozen=True)
class ExposedField:
    """`corners` (n, 2): a rectangle, less what of it lies outside of the image. `sides`: those
    that were found; the others are those of the image."""

    corners: _Points
    sides: tuple[Side, ...]

    @property
    def area(self) -> float:
        """In pixels."""
        x, y = self.corners.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0)

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """bool, of `shape` (rows, columns): the pixels whose centre lies in the field."""
        inside = np.ones(shape, bool)
        column, row = np.arange(shape[1]) + 0.5, np.arange(shape[0])[:, None] + 0.5
        # Corners run round clockwise as they are shown, so that inside is to the right.
        for (x0, y0), (x1, y1) in zip(self.corners, np.roll(self.corners, -1, 0), strict=True):
            inside &= (x1 - x0) * (row - y0) - (y1 - y0) * (column - x0) >= 0
        return inside


def find_exposed_field(
    values: NDArray[np.floating], covered: NDArray[np.bool_], aspect: float
) -> ExposedField:
    """The field of one film. The whole image where no side of a collimation is found.

    `values` (rows, columns): the greater, the less exposed, so that what is dense is high.
    `covered`: which pixels are no padding. `aspect`: the height of a pixel over its width.
    """
    rows, columns = shape = values.shape
    whole = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float64)
    scaled = _scaled(values, covered)
    if scaled is None:
        return ExposedField(whole, ())
    scale = min(1.0, _GRID_PIXELS / max(rows * aspect, columns))
    size = max(8, round(columns * scale)), max(8, round(rows * aspect * scale))
    images = scaled, _evenness(scaled)
    grids = [
        np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        for image in images
    ]
    columns_per, rows_per = columns / size[0], rows / size[1]
    upright, level = find_edges(grids)
    corners, sides = whole, []
    for line in (*upright, *level):
        lies = line in level
        image, across, along = images[line.evidence], columns_per, rows_per
        if lies:
            image, across, along = image.T, rows_per, columns_per
        there = replace(line, slope=line.slope * across / along, at=line.at * across)
        others, length = (upright, size[0]) if lies else (level, size[1])
        between = edge_between(line, others, length)
        measured = measure_edge(scaled.T if lies else scaled, there, across, along, between)
        if measured is None and line.evidence:
            measured = measure_edge(image, there, across, along, between, is_evenness=True)
        if measured is None:
            continue
        corners = _cut(corners, measured, lies=lies)
        sides.append(_SIDES[lies][line.is_last])
    found = ExposedField(corners, tuple(sides))
    if not sides or len(corners) < 4 or found.area < _FIELD_AT_LEAST * shape[0] * shape[1]:
        return ExposedField(whole, ())
    return found


def _evenness(scaled: Floats) -> Floats:
    """1 where neighbours are alike, as in a border that was blackened, and 0 elsewhere."""
    even = np.ones(scaled.shape, bool)
    beside = np.abs(np.diff(scaled, axis=1)) < _ALIKE
    below = np.abs(np.diff(scaled, axis=0)) < _ALIKE
    even[:, 1:] &= beside
    even[:, :-1] &= beside
    even[1:] &= below
    even[:-1] &= below
    return even.astype(np.float32)


def _scaled(values: NDArray[np.floating], covered: NDArray[np.bool_]) -> Floats | None:
    """From 0, the most exposed, to 1, the least; None where all of the film is alike."""
    if not covered.any():
        return None
    some = values[covered]
    low, high = (
        float(one) for one in np.percentile(some[:: max(1, some.size // 400_000)], (0.5, 99.5))
    )
    if high - low <= _NO_RANGE:
        low, high = float(some.min()), float(some.max())
    if high - low <= _NO_RANGE:
        if covered.all():
            return None
        high = low + 1.0
    scaled: Floats = np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)
    scaled[~covered] = _PADDING
    return scaled


def _cut(corners: _Points, line: EdgeLine, *, lies: bool) -> _Points:
    """A polygon without what lies outside of a line."""

    def inside(point: _Points) -> float:
        x, y = point[::-1] if lies else point
        return float((x - line.slope * y - line.at) * (-1.0 if line.is_last else 1.0))

    kept: list[_Points] = []
    for index, point in enumerate(corners):
        before = corners[index - 1]
        here, there = inside(point), inside(before)
        if (here >= 0) != (there >= 0):
            kept.append(before + (point - before) * (there / (there - here)))
        if here >= 0:
            kept.append(point)
    return np.array(kept, np.float64).reshape(-1, 2)
