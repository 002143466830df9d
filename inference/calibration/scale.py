"""Which scale holds for one drawing: that of its image, or of the region that it lies in."""

import math
from collections.abc import Sequence

from inference.calibration.entities import (
    AxesScale,
    Axis,
    Calibration,
    Obstacle,
    PlaneScale,
    Region,
    Scale,
)
from storage.core.errors import InvalidRequest

Point = tuple[float, float]
"""Column and row coordinate, as in PS3.3 C.18.6.1.1."""
_SAME = 1e-3
_REASONS: dict[Obstacle, str] = {
    "outside_regions": "it lies outside of the calibrated ultrasound regions",
    "leaves_region": "it leaves the calibrated ultrasound region",
    "crosses_regions": "it crosses from one ultrasound region into another",
    "overlapping_regions": "ultrasound regions of different scale overlap there",
    "region_beyond_image": "the ultrasound region reaches beyond the image, which was cropped or"
    " resized after it was calibrated",
    "region_without_units": "the ultrasound region has no usable units",
    "region_implausible": "the pixel size of the ultrasound region is not plausible",
    "shape_on_axes": "the directions of the ultrasound region there are not both lengths",
    "pixels_not_square": "its image has pixels that are not square and of unknown size",
}


class NotMeasurable(InvalidRequest):
    """A drawing that has no quantity on its image."""

    def __init__(self, obstacle: Obstacle, what: str = "The drawing") -> None:
        super().__init__(
            f"{what} cannot be measured: {_REASONS[obstacle]}.",
            remedy="Draw inside one calibrated region, or mark the place with an arrow.",
        )
        self.obstacle = obstacle


def scale_at(calibration: Calibration, points: Sequence[Point]) -> Scale:
    """The scale that holds for all of the points. Raises NotMeasurable."""
    if calibration.regions:
        return _scale_of(_region_at(calibration.regions, points))
    if calibration.spacing_mm is not None:
        return PlaneScale(*calibration.spacing_mm, "mm")
    row, column = calibration.aspect
    if not math.isclose(row, column, rel_tol=_SAME):
        raise NotMeasurable("pixels_not_square")
    return PlaneScale(1.0, 1.0, "{pixels}")


def axes_at(calibration: Calibration, point: Point) -> AxesScale | None:
    """The region's directions at a point where they are no lengths, as in a spectrum."""
    try:
        scale = scale_at(calibration, (point,))
    except NotMeasurable:
        return None
    return scale if isinstance(scale, AxesScale) else None


def proportions_at(calibration: Calibration, point: Point) -> tuple[float, float]:
    """How wide and how high a pixel is there, in mm or else in proportion."""
    if not calibration.regions:
        row, column = calibration.spacing_mm or calibration.aspect
        return column, row
    try:
        scale = scale_at(calibration, (point,))
    except NotMeasurable:
        return 1.0, 1.0
    return (scale.column, scale.row) if isinstance(scale, PlaneScale) else (1.0, 1.0)


def shown_scale_mm(calibration: Calibration) -> tuple[float, float] | None:
    """Row and column spacing for a scale bar; None where one would not hold for all of it."""
    if not calibration.regions:
        return calibration.spacing_mm
    planes = [
        scale
        for region in calibration.regions
        if region.obstacle is None
        for scale in (_scale_of(region),)
        if isinstance(scale, PlaneScale)
    ]
    if not planes or any(not _alike(_numbers(planes[0]), _numbers(one)) for one in planes):
        return None
    return planes[0].row, planes[0].column


def _scale_of(region: Region) -> Scale:
    if region.x is not None and region.y is not None and region.x.unit == region.y.unit == "mm":
        return PlaneScale(abs(region.y.per_pixel), abs(region.x.per_pixel), "mm")
    return AxesScale(region.x, region.y)


def _region_at(regions: Sequence[Region], points: Sequence[Point]) -> Region:
    around = [region for region in regions if all(_holds(region, point) for point in points)]
    if not around:
        touched = [any(_holds(region, point) for region in regions) for point in points]
        if not any(touched):
            raise NotMeasurable("outside_regions")
        raise NotMeasurable("crosses_regions" if all(touched) else "leaves_region")
    # Of several, those that lie above the others (Region Flags, C.8.5.5.1.3).
    top = [region for region in around if region.is_high_priority] or around
    met = [
        other
        for other in regions
        if other not in around
        and other.is_high_priority >= top[0].is_high_priority
        and _is_met(other, points)
    ]
    for region in (*top, *met):
        # Which of two is drawn there, nothing says: one without a scale takes it from both.
        if region.obstacle is not None:
            raise NotMeasurable(region.obstacle)
        if not _same(top[0], region):
            raise NotMeasurable("overlapping_regions")
    return top[0]


def _is_met(region: Region, points: Sequence[Point]) -> bool:
    """Whether a point, or the straight line from one to the next, lies in the region."""
    return any(_crosses(region, *ends) for ends in zip(points, points[1:] or points, strict=False))


def _crosses(region: Region, start: Point, end: Point) -> bool:
    (x0, y0), (x1, y1) = start, end
    if max(x0, x1) < region.left or min(x0, x1) > region.right:
        return False
    if max(y0, y1) < region.top or min(y0, y1) > region.bottom:
        return False
    # On which side of the line each corner of the region lies.
    sides = [
        (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        for x in (region.left, region.right)
        for y in (region.top, region.bottom)
    ]
    return min(sides) <= 0 <= max(sides)


def _holds(region: Region, point: Point) -> bool:
    column, row = point
    return region.left <= column <= region.right and region.top <= row <= region.bottom


def _same(one: Region, other: Region) -> bool:
    pairs = ((one.x, other.x), (one.y, other.y))
    return all(_unit(a) == _unit(b) and _alike(_steps(a), _steps(b)) for a, b in pairs)


def _unit(axis: Axis | None) -> str:
    return "" if axis is None else axis.unit


def _steps(axis: Axis | None) -> tuple[float, ...]:
    return () if axis is None else (abs(axis.per_pixel),)


def _numbers(scale: PlaneScale) -> tuple[float, ...]:
    return scale.row, scale.column


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=_SAME) for a, b in zip(one, other, strict=True))
