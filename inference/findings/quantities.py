"""Numbers as they are kept, with their intervals and curves: checked, and rounded once."""

import itertools
import math

from inference.pipeline import Measurement
from inference.refusals import ModelUnusable
from storage.core.findings import Axis, Curve, Interval
from storage.core.text.rounding import kept

POINTS_AT_MOST = 500
"""Of a curve: each is an item of the SR."""
_AXIS_AT_MOST = 64


def kept_value(measurement: Measurement) -> float:
    """Raises ModelUnusable where it is none."""
    if not math.isfinite(measurement.value):
        raise ModelUnusable(
            f"{measurement.label} is {measurement.value}, which is no number.",
            remedy="Leave it out where the model has no answer.",
        )
    return kept(measurement.value)


def kept_interval(measurement: Measurement) -> Interval | None:
    """Raises ModelUnusable where the value does not lie in it."""
    one = measurement.interval
    if one is None:
        return None
    if not (one.low <= measurement.value <= one.high and 0 < one.level < 1) or math.isinf(
        one.high - one.low
    ):
        raise ModelUnusable(
            f"The interval of {measurement.label} is from {one.low:g} to {one.high:g} with a level"
            f" of {one.level:g}, and its value {measurement.value:g}.",
            remedy="The value lies between the ends, and the level between 0 and 1.",
        )
    return Interval(kept(one.low), kept(one.high), one.level)


def kept_curve(measurement: Measurement) -> Curve | None:
    """Raises ModelUnusable where it cannot be drawn."""
    one = measurement.curve
    if one is None:
        return None
    if not 2 <= len(one.points) <= POINTS_AT_MOST:
        raise ModelUnusable(
            f"The curve of {measurement.label} has {len(one.points)} points; 2 to {POINTS_AT_MOST}"
            " are taken.",
            remedy="Give fewer of a finer curve.",
        )
    points = tuple((float(x), float(y)) for x, y in one.points)
    if not all(math.isfinite(number) for point in points for number in point):
        raise ModelUnusable(
            f"The curve of {measurement.label} has points that are no numbers.",
            remedy="Leave them out.",
        )
    if any(after[0] <= before[0] for before, after in itertools.pairwise(points)):
        raise ModelUnusable(
            f"The points of the curve of {measurement.label} do not ascend along its axis.",
            remedy="Sort them, with one point for each value.",
        )
    for axis in (one.x, one.y):
        _check(measurement, axis)
    return Curve(one.x, one.y, tuple((_shortened(x), _shortened(y)) for x, y in points))


def _check(measurement: Measurement, axis: Axis) -> None:
    if not (0 < len(axis.label) <= _AXIS_AT_MOST and axis.unit.value and axis.code.value):
        raise ModelUnusable(
            f"An axis of the curve of {measurement.label} has no name, unit or code.",
            remedy="Name it in 1 to 64 characters, with a UCUM unit: 1 where it has none.",
        )


def _shortened(number: float) -> float:
    """Six significant digits: more than any picture shows, and two points stay two."""
    return float(f"{number:.6g}")
