"""Ultrasound regions: where they lie and what their directions mean (PS3.3 C.8.5.5)."""

import math

from pydicom.dataset import Dataset

from inference.calibration.entities import Axis, Obstacle, Region
from inference.calibration.plausible import is_plausible

# PS3.3 C.8.5.5.1.15: the UCUM unit of each value, and the factor to it.
_UNITS: dict[int, tuple[str, float]] = {
    1: ("%", 1.0),
    2: ("dB", 1.0),
    3: ("mm", 10.0),  # cm
    4: ("s", 1.0),
    5: ("Hz", 1.0),
    6: ("dB/s", 1.0),
    7: ("cm/s", 1.0),
    8: ("cm2", 1.0),
    9: ("cm2/s", 1.0),
    10: ("cm3", 1.0),
    11: ("cm3/s", 1.0),
    12: ("deg", 1.0),
}
# C.8.5.5.1.1 and .2: what is drawn beside the image measures nothing.
_GRAPHICS = 5
_BARS = {0x0D, 0x0E}
_LOW_PRIORITY = 1


def regions_of(header: Dataset) -> tuple[Region, ...]:
    """Every region that says where it lies; those of a multi-frame image hold for all frames."""
    items = header.get("SequenceOfUltrasoundRegions") or ()
    # A writer of Implicit VR may have left bytes where the items should be.
    found = (_region(item, header) for item in items if isinstance(item, Dataset))
    return tuple(one for one in found if one is not None)


def _region(item: Dataset, header: Dataset) -> Region | None:
    edges = [
        _number(item, f"RegionLocation{name}") for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")
    ]
    if any(edge is None for edge in edges):
        return None
    left, top, right, bottom = (edge or 0.0 for edge in edges)
    if right < left or bottom < top:
        return None
    x = _axis(item, "X", left)
    y = _axis(item, "Y", top)
    obstacle: Obstacle | None = None
    # The last column belongs to the region; some write the first one that does not.
    if right > _size(header, "Columns") or bottom > _size(header, "Rows"):
        obstacle = "region_beyond_image"
    elif _is_decoration(item) or (x is None and y is None) or _lacks_step(item):
        obstacle = "region_without_units"
    elif not _is_plausible(x, header) or not _is_plausible(y, header):
        obstacle = "region_implausible"
    is_high = not int(_number(item, "RegionFlags") or 0) & _LOW_PRIORITY
    return Region(left, top, right + 1, bottom + 1, is_high, x, y, obstacle)


def _is_plausible(axis: Axis | None, header: Dataset) -> bool:
    """Of lengths; there are no limits for the others."""
    if axis is None or axis.unit != "mm":
        return True
    step_mm = abs(axis.per_pixel)
    return is_plausible(str(header.get("Modality") or ""), (step_mm, step_mm))


def _is_decoration(item: Dataset) -> bool:
    return (
        _number(item, "RegionSpatialFormat") == _GRAPHICS
        or _number(item, "RegionDataType") in _BARS
    )


def _lacks_step(item: Dataset) -> bool:
    """Whether a direction has a unit and no step."""
    return any(
        int(_number(item, f"PhysicalUnits{name}Direction") or 0) in _UNITS
        and not _number(item, f"PhysicalDelta{name}")
        for name in "XY"
    )


def _axis(item: Dataset, name: str, start: float) -> Axis | None:
    unit = _UNITS.get(int(_number(item, f"PhysicalUnits{name}Direction") or 0))
    delta = _number(item, f"PhysicalDelta{name}")
    if unit is None or not delta:
        return None
    code, factor = unit
    # Counted from the region's first pixel, and it may lie outside (C.8.5.5.1).
    pixel = _number(item, f"ReferencePixel{name}0")
    value = _number(item, f"ReferencePixelPhysicalValue{name}")
    origin = None
    if pixel is not None and value is not None:
        origin = factor * (value - (start + pixel + 0.5) * delta)
    return Axis(code, factor * delta, origin)


def _size(header: Dataset, keyword: str) -> float:
    return _number(header, keyword) or math.inf


def _number(item: Dataset, keyword: str) -> float | None:
    try:
        number = float(item.get(keyword))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
