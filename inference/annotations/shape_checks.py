"""What no reader can have meant: shapes without an extent, and diameters that are not two."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.annotations.drawing import Measured, Place, Shape
from inference.calibration.circles import bounds_of_circle, is_circle_of_pixels
from storage.core.errors import InvalidRequest

_MOST_OFF_RIGHT_ANGLE_DEG = 10.0
# Points may be rounded to whole pixels, and a short axis of few pixels then lies oblique.
_ROUNDED_PX = 1.0
_NO_EXTENT = frozenset({"POINT", "ARROW", "TEXT", "VERTEBRA", "ANGLE", "COBB_ANGLE", "LINES_ANGLE"})


def check_extent(
    what: str,
    shape: Shape,
    points: Sequence[tuple[float, float]],
    measured: Sequence[Measured],
) -> None:
    """Raises InvalidRequest where a length or an area is 0.

    A line over an M-mode or a spectrum may differ along one of its directions alone.
    """
    if shape in _NO_EXTENT:
        return
    void = [one for one in measured if not one.value]
    if not void or (shape == "LENGTH" and points[0] != points[1]):
        return
    name, unit = void[0].quantity.replace("_", " "), void[0].unit.strip("{}")
    raise InvalidRequest(
        f"{what}: {name} of 0 {unit}, its points lie upon each other.",
        remedy="Give points that lie apart, or leave the measurement out.",
    )


def check_circle(what: str, points: Sequence[tuple[float, float]], place: Place) -> None:
    """Where its report states it as an ellipse, the ends of its axes lie on the image (PS3.3 Table
    C.18.6-1). Raises InvalidRequest."""
    calibration = place.calibration
    if is_circle_of_pixels(points[0], calibration):
        return
    (left, top), (right, bottom) = bounds_of_circle(points, calibration)
    if left < 0 or top < 0 or right > place.columns or bottom > place.rows:
        raise InvalidRequest(
            f"{what} reaches beyond the image, whose pixels are not square: its report states it as"
            " an ellipse, which has both its axes on the image.",
            remedy="Make it smaller, or draw along its line as a FREEHAND.",
        )


def check_axes(
    what: str, points: Sequence[tuple[float, float]], mm_of_pixel: tuple[float, float]
) -> None:
    """The two diameters of a lesion cross each other at a right angle (PS3.16 TID 1501, RECIST
    1.1): else the second is no short axis. Raises InvalidRequest.

    `points`: both ends of the long axis, then of the short one, column and row. `mm_of_pixel`: how
    wide and high a pixel is, or its proportions.
    """
    a, b, c, d = np.asarray(points, np.float64) * mm_of_pixel
    rounded = _ROUNDED_PX * max(mm_of_pixel)
    long, short = b - a, d - c
    along = float(short @ long) / float(np.linalg.norm(long))
    length = float(np.linalg.norm(short))
    off_deg = math.degrees(math.asin(min(1.0, abs(along) / length)))
    if off_deg > _MOST_OFF_RIGHT_ANGLE_DEG and abs(along) > rounded:
        raise InvalidRequest(
            f"{what}: its axes stand at {90.0 - off_deg:.0f}° to each other, not at 90°.",
            remedy="Draw the short axis at a right angle to the long one, or send two LENGTHs.",
        )
    if _apart(a, b, c, d) > rounded:
        raise InvalidRequest(
            f"{what}: its axes do not cross each other.",
            remedy="Draw the short axis across the long one, or send two LENGTHs.",
        )


def _apart(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> float:
    """How far the nearer end of either axis lies beyond the other axis; 0 where they cross."""
    found = 0.0
    for (one, other), (start, end) in (((a, b), (c, d)), ((c, d), (a, b))):
        line = other - one
        normal = np.array((-line[1], line[0])) / np.linalg.norm(line)
        sides = float((start - one) @ normal), float((end - one) @ normal)
        if sides[0] * sides[1] > 0:
            found = max(found, min(abs(side) for side in sides))
    return found
