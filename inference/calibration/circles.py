"""Circles in mm on pixels that need not be square, where they are ellipses of pixels."""

import math
from collections.abc import Sequence

from inference.calibration.entities import Calibration
from inference.calibration.scale import Point, proportions_at

_SQUARE = 1e-3
_ROUNDED = 0.01
"""Relative; values of a report."""


def is_circle_of_pixels(center: Point, calibration: Calibration) -> bool:
    return math.isclose(*proportions_at(calibration, center), rel_tol=_SQUARE)


def bounds_of_circle(points: Sequence[Point], calibration: Calibration) -> tuple[Point, Point]:
    """The upper left and the lower right corner around it. `points`: its centre, then one of the
    line."""
    (x, y), _ = points
    half_width, half_height = _halves(points, calibration)
    return (x - half_width, y - half_height), (x + half_width, y + half_height)


def axes_of_circle(points: Sequence[Point], calibration: Calibration) -> tuple[Point, ...]:
    """Both ends of the longer axis in pixels, then of the shorter."""
    x, y = points[0]
    half_width, half_height = _halves(points, calibration)
    level = [(x - half_width, y), (x + half_width, y)]
    upright = [(x, y - half_height), (x, y + half_height)]
    return (*level, *upright) if half_width >= half_height else (*upright, *level)


def circle_of_axes(axes: Sequence[Point], area: float, radius: float) -> list[Point] | None:
    """The centre and a point of the line, of an ellipse of pixels that is stated to have the area
    of a circle of that radius; None of any other."""
    is_circle = radius > 0 and math.isclose(area, math.pi * radius**2, rel_tol=_ROUNDED)
    if len(axes) != 4 or not is_circle:
        return None
    (x0, y0), (x1, y1) = axes[:2]
    return [((x0 + x1) / 2, (y0 + y1) / 2), (x1, y1)]


def _halves(points: Sequence[Point], calibration: Calibration) -> tuple[float, float]:
    """Half its width and half its height in pixels."""
    (x, y), end = points
    across, down = proportions_at(calibration, (x, y))
    radius = math.hypot((end[0] - x) * across, (end[1] - y) * down)
    return radius / across, radius / down
