"""What a person draws on one image: its shape, and the quantities that follow from it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inference.calibration.circles import bounds_of_circle
from inference.calibration.entities import (
    AxesScale,
    Axis,
    Calibration,
    HandCalibration,
    PlaneScale,
)
from inference.calibration.scale import NotMeasurable, Point, axes_at, scale_at
from storage.core.errors import InvalidRequest

Shape = Literal[
    "LENGTH",
    "BIDIRECTIONAL",
    "ANGLE",
    "COBB_ANGLE",
    "LINES_ANGLE",
    "ELLIPSE",
    "CIRCLE",
    "RECTANGLE",
    "FREEHAND",
    "POINT",
    "ARROW",
    "TEXT",
    "VERTEBRA",
]
SHAPES: tuple[Shape, ...] = get_args(Shape)
Quantity = Literal[
    "length",
    "long_axis",
    "short_axis",
    "angle",
    "area",
    "perimeter",
    "radius",
    "mean",
    "standard_deviation",
    "minimum",
    "maximum",
    "value",
    "time",
    "distance",
    "velocity",
    "frequency",
    "difference",
]
MAXIMUM_POINTS = 5_000
_AXIS_QUANTITIES: dict[str, Quantity] = {
    "s": "time",
    "mm": "distance",
    "cm/s": "velocity",
    "Hz": "frequency",
}
# What follows from directions alone; a pixel's size does not matter, its proportions do.
_ANGLES = ("ANGLE", "COBB_ANGLE", "LINES_ANGLE")
# How many points each shape has; a freehand line has as many as it needs.
_POINTS: dict[Shape, int] = {
    "LENGTH": 2,
    "BIDIRECTIONAL": 4,
    "ANGLE": 3,
    "COBB_ANGLE": 4,
    "LINES_ANGLE": 4,
    "ELLIPSE": 4,
    "CIRCLE": 2,
    "RECTANGLE": 4,
    "POINT": 1,
    "ARROW": 2,
    "TEXT": 1,
    "VERTEBRA": 1,
}


@dataclass(frozen=True)
class Place:
    """The frame that is drawn on, and what its pixels are worth."""

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int
    rows: int
    columns: int
    is_multiframe: bool
    calibration: Calibration
    modality: str = ""
    suv_doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One quantity. `unit` is a UCUM code."""

    quantity: Quantity
    value: float
    unit: str


@dataclass(frozen=True)
class TakenOver:
    """The report of another system, or of a pipeline, that a drawing was copied from.

    `tracking_uid` is that of the copied drawing; empty where its writer states none. `maker` is
    the person or the device that the report names, or else its sender.
    """

    sop_instance_uid: str
    tracking_uid: str = ""
    maker: str = ""
    sop_class_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True)
class Drawing:
    """One shape on one frame.

    `points` are (column, row) as in PS3.3 C.18.6.1.1: 0, 0 is the outer corner of the first
    pixel, whose centre lies at 0.5, 0.5. Their order: LENGTH both ends; BIDIRECTIONAL both ends
    of the longer axis, then of the shorter; ANGLE end, vertex, end; COBB_ANGLE both ends of one
    line, then of the other; LINES_ANGLE beginning and end of each line; ELLIPSE both ends of the
    longer axis, then of the shorter; CIRCLE the centre, then a point of the line; RECTANGLE its
    corners one after the other; ARROW the tip, then the tail; TEXT where it
    stands; VERTEBRA where the level of its label lies. `is_closed` applies to FREEHAND. `caveat`
    says how far its lengths can be trusted, `value_caveat` how far its standardized uptake values;
    empty where nothing speaks against them. `hand_calibration` is what a person calibrated its
    image by.
    """

    shape: Shape
    sop_instance_uid: str
    frame_number: int
    points: tuple[tuple[float, float], ...]
    label: str
    tracking_uid: str
    measured: tuple[Measured, ...] = ()
    is_closed: bool = False
    caveat: str = ""
    value_caveat: str = ""
    taken_over: TakenOver | None = None
    hand_calibration: HandCalibration | None = None


def checked_points(
    shape: Shape, points: Sequence[tuple[float, float]], place: Place
) -> tuple[tuple[float, float], ...]:
    """The points in the order that `Drawing` states. Raises InvalidRequest."""
    wanted = _POINTS.get(shape)
    if (wanted is not None and len(points) != wanted) or len(points) < 1:
        raise InvalidRequest(
            f"A {shape} has {wanted or 'one or more'} points; {len(points)} were given.",
            remedy="Give the points that its shape has.",
        )
    if shape == "FREEHAND" and not 2 <= len(points) <= MAXIMUM_POINTS:
        raise InvalidRequest(
            f"A FREEHAND has 2 to {MAXIMUM_POINTS} points.",
            remedy="Leave points out that lie close together.",
        )
    for column, row in points:
        if not (0 <= column <= place.columns and 0 <= row <= place.rows):
            raise InvalidRequest(
                f"The point {column:g}, {row:g} is outside of the image,"
                f" which has {place.columns} columns and {place.rows} rows.",
                remedy="Points are column, row; 0, 0 is the outer corner of the first pixel.",
            )
    if shape in ("BIDIRECTIONAL", "ELLIPSE"):
        first, second = points[:2], points[2:]
        longer = _distances(_scaled(points, plane_scale(shape, points, place.calibration)))
        return tuple(points) if longer[0] >= longer[2] else (*second, *first)
    return tuple(points)


def quantities(
    shape: Shape, points: Sequence[Point], place: Place, is_closed: bool = False
) -> tuple[Measured, ...]:
    """What follows from the shape alone: lengths in mm, areas in mm2, angles in degrees.

    In pixels where the image states no spacing. A line over an M-mode or a spectrum gives the
    difference along each axis, a point there its values. Raises NotMeasurable.
    """
    if shape in ("ARROW", "TEXT", "VERTEBRA"):
        return ()
    if shape == "POINT":
        axes = axes_at(place.calibration, points[0])
        return () if axes is None else tuple(_values(axes, points[0]))
    if shape == "LENGTH":
        scale = scale_at(place.calibration, points)
        if isinstance(scale, AxesScale):
            return tuple(_differences(scale, points))
    plane = plane_scale(shape, points, place.calibration)
    lines, areas = plane.unit, f"{plane.unit}2"
    mm = _scaled(points, plane)
    d = _distances(mm)
    found: tuple[tuple[Quantity, float, str], ...] = ()
    match shape:
        case "LENGTH":
            found = (("length", d[0], lines),)
        case "BIDIRECTIONAL":
            found = (("long_axis", d[0], lines), ("short_axis", d[2], lines))
        case "ANGLE":
            found = (("angle", _angle(mm[0] - mm[1], mm[2] - mm[1]), "deg"),)
        case "COBB_ANGLE" | "LINES_ANGLE":
            between = _angle(mm[1] - mm[0], mm[3] - mm[2])
            is_cobb = shape == "COBB_ANGLE"
            found = (("angle", min(between, 180.0 - between) if is_cobb else between, "deg"),)
        case "CIRCLE":
            found = (
                ("area", math.pi * d[0] ** 2, areas),
                ("radius", d[0], lines),
                ("perimeter", 2 * math.pi * d[0], lines),
            )
        case "ELLIPSE":
            # Its axes may be at right angles in pixels and not in mm: conjugate diameters.
            (ax, ay), (bx, by) = mm[1] - mm[0], mm[3] - mm[2]
            found = (("area", math.pi * abs(float(ax * by - ay * bx)) / 4, areas),)
        case "FREEHAND" if not is_closed:
            found = (("length", sum(d), lines),)
        case "RECTANGLE" | "FREEHAND":
            around = np.linalg.norm(np.roll(mm, -1, axis=0) - mm, axis=1).sum()
            found = (("area", _enclosed(mm), areas), ("perimeter", float(around), lines))
    return tuple(Measured(*one) for one in found)


def caveat_of(shape: Shape, place: Place) -> str:
    """What a reader of a length or an area on this frame must know; empty for other shapes."""
    return place.calibration.caveat_in_place if has_lengths(shape) else ""


def has_lengths(shape: Shape) -> bool:
    """Whether lengths or areas follow from it, and with them from the size of a pixel."""
    return shape not in ("ARROW", "TEXT", "VERTEBRA", "POINT", *_ANGLES)


def plane_scale(shape: Shape, points: Sequence[Point], calibration: Calibration) -> PlaneScale:
    """Where both directions are lengths. Raises NotMeasurable elsewhere."""
    if shape in _ANGLES and not calibration.regions:
        return PlaneScale(*calibration.aspect, "{pixels}")
    scale = scale_at(calibration, _extent(shape, points, calibration))
    if isinstance(scale, AxesScale):
        raise NotMeasurable("shape_on_axes")
    return scale


def _extent(shape: Shape, points: Sequence[Point], calibration: Calibration) -> Sequence[Point]:
    """Points that a region must hold so that it holds all of the shape."""
    if shape == "CIRCLE":
        return bounds_of_circle(points, calibration)
    if shape == "ELLIPSE":
        a, b, c, d = points
        x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        half_width = math.hypot(b[0] - a[0], d[0] - c[0]) / 2
        half_height = math.hypot(b[1] - a[1], d[1] - c[1]) / 2
        return ((x - half_width, y - half_height), (x + half_width, y + half_height))
    return points


def _differences(axes: AxesScale, points: Sequence[Point]) -> Iterator[Measured]:
    (x0, y0), (x1, y1) = points
    for axis, pixels in ((axes.x, x1 - x0), (axes.y, y1 - y0)):
        if axis is not None:
            yield Measured(_named(axis), abs(pixels * axis.per_pixel), axis.unit)


def _values(axes: AxesScale, point: Point) -> Iterator[Measured]:
    for axis, coordinate in zip((axes.x, axes.y), point, strict=True):
        if axis is not None and axis.origin is not None:
            yield Measured(_named(axis), axis.origin + coordinate * axis.per_pixel, axis.unit)


def _named(axis: Axis) -> Quantity:
    return _AXIS_QUANTITIES.get(axis.unit, "difference")


def _scaled(points: Sequence[Point], scale: PlaneScale) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.asarray(points, np.float64) * (scale.column, scale.row)
    return found


def _distances(mm: NDArray[np.float64]) -> list[float]:
    return [float(one) for one in np.linalg.norm(np.diff(mm, axis=0), axis=1)]


def _angle(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    if lengths == 0.0:
        raise InvalidRequest(
            "An angle needs two lines, and one of them has no length.",
            remedy="Give four points, of which the first two and the last two differ.",
        )
    return math.degrees(math.acos(min(1.0, max(-1.0, float(one @ other) / lengths))))


def _enclosed(mm: NDArray[np.float64]) -> float:
    """The area of a polygon by the shoelace formula."""
    x, y = mm[:, 0], mm[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
