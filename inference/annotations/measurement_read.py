"""Drawings read from a Measurement Report, of this node or of another viewer.

Tolerant: what is no drawing is passed over, so that a foreign report shows what it can.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
)

from inference.annotations import codes as words
from inference.annotations.content import (
    author_of,
    code_value,
    frame_of,
    has_name,
    replaced_by,
    series_of,
    text_of,
)
from inference.annotations.drawing import Drawing, Measured, Quantity, Shape, TakenOver
from inference.calibration.circles import circle_of_axes
from inference.calibration.entities import HandCalibration

REPORT_CLASSES = frozenset(
    {str(EnhancedSRStorage), str(ComprehensiveSRStorage), str(Comprehensive3DSRStorage)}
)
_SIZES = frozenset(
    {"length", "long_axis", "short_axis", "angle", "area", "perimeter", "radius", "distance"}
)
_STATISTICS = frozenset({"mean", "standard_deviation", "minimum", "maximum"})
_WITHOUT_VALUES = ("ARROW", "POINT", "TEXT", "VERTEBRA")
_UNITS_OF_SIZE = frozenset("mm cm m mm2 cm2 m2 mm3 cm3 mL ml L l deg s".split())
_MEANING_AT_MOST = 64
"""Characters of a Code Meaning (LO, PS3.5 6.2)."""


@dataclass(frozen=True)
class MeasurementReport:
    """One document with drawings. `replaced` are the documents that it takes the place of."""

    sop_instance_uid: str
    series_instance_uid: str
    title: str
    author: str
    content_date: str
    content_time: str
    is_verified: bool
    replaced: tuple[str, ...]
    drawings: tuple[Drawing, ...]
    undrawn: int
    """Measurements at places of the patient (SCOORD3D, PS3.3 C.18.9), at separate points
    (MULTIPOINT, PS3.3 C.18.6.1.2), and those that failed: none of them is a shape on an image."""


def read_measurements(document: Dataset) -> MeasurementReport:
    """The drawings of a report; none where it holds no coordinates on images."""
    return MeasurementReport(
        sop_instance_uid=str(document.SOPInstanceUID),
        series_instance_uid=str(document.SeriesInstanceUID),
        title=str(document.get("SeriesDescription") or ""),
        author=author_of(document),
        content_date=str(document.get("ContentDate") or ""),
        content_time=str(document.get("ContentTime") or ""),
        is_verified=document.get("VerificationFlag") == "VERIFIED",
        replaced=tuple(replaced_by(document)),
        drawings=tuple(one for group in _groups(document) if (one := _drawing(group, document))),
        undrawn=sum(_is_undrawn(group) for group in _groups(document)),
    )


def _groups(document: Dataset) -> Iterator[Dataset]:
    for container in document.get("ContentSequence") or ():
        if has_name(container, words.MEASUREMENTS):
            for group in container.get("ContentSequence") or ():
                if has_name(group, words.GROUP):
                    yield group


def _is_undrawn(group: Dataset) -> bool:
    items = list(group.get("ContentSequence") or ())
    numbers = [item for item in items if item.get("ValueType") == "NUM"]
    holders = (group, *numbers)
    is_shape = any(_lines(item) for item in holders)
    is_elsewhere = any(
        one.get("ValueType") == "SCOORD3D" or one.get("GraphicType") == "MULTIPOINT"
        for item in holders
        for one in item.get("ContentSequence") or ()
    )
    return (_has_failed(numbers) if is_shape else is_elsewhere) and not _is_absent(items)


def _has_failed(numbers: list[Dataset]) -> bool:
    """Whether the size of a shape was to be measured, and none is stated (PS3.3 C.18.1: no value,
    and a qualifier that says why). What its points would give is not what its writer states."""
    sizes = [number for number in numbers if _quantity(number) in _SIZES]
    stated = [number for number in sizes or numbers if number.get("MeasuredValueSequence")]
    return bool(numbers) and not stated


def _drawing(group: Dataset, document: Dataset) -> Drawing | None:
    items = list(group.get("ContentSequence") or ())
    numbers = [item for item in items if item.get("ValueType") == "NUM"]
    axes = _axes_in(numbers)
    lines = axes or [line for item in (group, *numbers) for line in _lines(item)]
    if not lines or _is_absent(items) or _has_failed(numbers):
        return None
    identifier = text_of(items, words.TRACKING_IDENTIFIER, "TextValue")
    of_tool = words.SHAPE_OF_TOOL.get(identifier.rpartition(":")[2])
    shape = of_tool or ("BIDIRECTIONAL" if axes else _shape_of(lines))
    is_cross = shape == "BIDIRECTIONAL"
    if shape == "BIDIRECTIONAL" and len({_image(line) for line in lines[:2]}) > 1:
        # Axes on two images are no cross on either: the first alone is drawn.
        shape = "LENGTH"
    # Some writers say the same coordinates again for each number.
    drawn = lines[:2] if shape == "BIDIRECTIONAL" else lines[:1]
    points = [point for line in drawn for point in _points(line)]
    if shape == "ELLIPSE":
        stated = {one.quantity: one.value for one in _measured(shape, numbers)}
        if circle := circle_of_axes(points, stated.get("area", 0.0), stated.get("radius", 0.0)):
            shape, points = "CIRCLE", circle
    image = _image(lines[0])
    if image is None:
        return None
    # What was measured on another image is no value of this drawing; axes are of one lesion.
    numbers = [item for item in numbers if is_cross or not _lies_elsewhere(item, image)]
    is_closed = shape == "FREEHAND" and len(points) > 2 and points[0] == points[-1]
    return Drawing(
        shape=shape,
        sop_instance_uid=image[0],
        frame_number=image[1],
        points=tuple(_as_drawn(shape, points, is_closed)),
        label=_label(items),
        tracking_uid=text_of(items, words.TRACKING_UID, "UID"),
        measured=tuple(_measured(shape, numbers)),
        is_closed=is_closed,
        caveat=text_of(items, words.CALIBRATION, "TextValue"),
        value_caveat=text_of(items, words.SUV_CAVEAT, "TextValue"),
        taken_over=next(filter(None, (_taken_over(item, document) for item in numbers)), None),
        hand_calibration=next(filter(None, map(_hand_calibration, numbers)), None),
    )


def _hand_calibration(number: Dataset) -> HandCalibration | None:
    for item in number.get("ContentSequence") or ():
        if item.get("ValueType") != "NUM" or not has_name(item, words.CALIBRATION):
            continue
        for value in item.get("MeasuredValueSequence") or ():
            lines = [points for line in _lines(item) if len(points := _points(line)) == 2]
            if lines and _unit_of(value) == "mm" and _number(value) > 0:
                start, end = lines[0]
                return HandCalibration((start, end), _number(value))
    return None


def _taken_over(number: Dataset, document: Dataset) -> TakenOver | None:
    items = list(number.get("ContentSequence") or ())
    for item in items:
        if item.get("ValueType") != "COMPOSITE" or not has_name(item, words.TAKEN_OVER_FROM):
            continue
        reference = item.ReferencedSOPSequence[0]
        sop_instance_uid = str(reference.ReferencedSOPInstanceUID)
        return TakenOver(
            sop_instance_uid=sop_instance_uid,
            tracking_uid=text_of(items, words.TRACKING_UID, "UID"),
            maker=text_of(items, words.TAKEN_OVER_FROM, "TextValue"),
            sop_class_uid=str(reference.ReferencedSOPClassUID),
            series_instance_uid=series_of(document, sop_instance_uid),
        )
    return None


def _axes_in(numbers: list[Dataset]) -> list[Dataset]:
    """The line of the long axis and that of the short one, where each has one of its own."""
    line_of: dict[str | None, Dataset] = {}
    for number in numbers:
        quantity = _quantity(number)
        for line in _lines(number):
            if len(_points(line)) == 2:
                line_of.setdefault(quantity, line)
    axes = [line_of[one] for one in ("long_axis", "short_axis") if one in line_of]
    return axes if len(axes) == 2 and _points(axes[0]) != _points(axes[1]) else []


def _is_absent(items: list[Dataset]) -> bool:
    """Whether the group states that what it is about is not there (PS3.16 TID 1501)."""
    return any(
        has_name(item, words.PRESENCE) and code_value(item, "ConceptCodeSequence") == words.ABSENT
        for item in items
    )


def _lies_elsewhere(number: Dataset, image: tuple[str, int]) -> bool:
    images = {_image(line) for line in _lines(number)} - {None}
    return bool(images) and image not in images


def _as_drawn(
    shape: Shape, points: list[tuple[float, float]], is_closed: bool
) -> list[tuple[float, float]]:
    if shape == "ANGLE" and len(points) == 4:
        return [points[0], points[1], points[3]]
    if is_closed or (shape == "RECTANGLE" and len(points) == 5):
        return points[:-1]
    return points


def _measured(shape: Shape, numbers: list[Dataset]) -> Iterator[Measured]:
    for number in numbers:
        values = number.get("MeasuredValueSequence") or ()
        if not values:
            continue
        unit = _unit_of(values[0])
        quantity = _quantity(number) or _derived(number, unit)
        if quantity is None:
            continue
        if quantity == "value" and unit == "1" and shape in _WITHOUT_VALUES:
            # Stands there because a group needs a number, and says nothing.
            continue
        yield Measured(quantity, _number(values[0]), unit)


def _quantity(number: Dataset) -> Quantity | None:
    return words.QUANTITY_OF_CODE.get(code_value(number, "ConceptNameCodeSequence"))


def _derived(number: Dataset, unit: str) -> Quantity | None:
    """Which statistic of the pixels a quantity of theirs (HU, SUV, ADC) is, by its Derivation
    (PS3.16 TID 1419); None of sizes."""
    if unit in _UNITS_OF_SIZE:
        return None
    for item in number.get("ContentSequence") or ():
        if has_name(item, words.DERIVATION):
            found = words.QUANTITY_OF_CODE.get(code_value(item, "ConceptCodeSequence"))
            return found if found in _STATISTICS else None
    return None


def _number(value: Dataset) -> float:
    """All its digits, where DS has too few characters for them (PS3.3 C.18.1)."""
    stated = float(value.NumericValue)
    exact = value.get("FloatingPointValue")
    is_same = exact is not None and math.isclose(float(exact), stated, rel_tol=1e-6)
    return float(exact) if is_same else stated


def _unit_of(value: Dataset) -> str:
    """A UCUM code; of another scheme, whose `mm` may be anything, what its writer calls it."""
    for code in value.get("MeasurementUnitsCodeSequence") or ():
        if str(code.get("CodingSchemeDesignator") or "UCUM").strip() != "UCUM":
            return str(code.get("CodeMeaning") or "?")[:_MEANING_AT_MOST]
        return str(code.get("CodeValue") or "")
    return ""


def _shape_of(lines: list[Dataset]) -> Shape:
    """Of a report whose writer names no tool."""
    graphic = str(lines[0].get("GraphicType", ""))
    if graphic in ("ELLIPSE", "CIRCLE", "POINT"):
        return graphic  # type: ignore[return-value]  # mypy keeps str where `in` has narrowed it
    return "LENGTH" if len(_points(lines[0])) == 2 else "FREEHAND"


def _lines(item: Dataset) -> list[Dataset]:
    return [
        one
        for one in item.get("ContentSequence") or ()
        if one.get("ValueType") == "SCOORD"
        and one.get("GraphicData")
        # Separate points, which nothing joins.
        and one.get("GraphicType") != "MULTIPOINT"
        # Where the writer put its text, which is no part of the drawing.
        and code_value(one, "ConceptNameCodeSequence") != "TextPosition"
    ]


def _points(line: Dataset) -> list[tuple[float, float]]:
    values = [float(one) for one in line.GraphicData]
    return list(zip(values[::2], values[1::2], strict=False))


def _image(line: Dataset) -> tuple[str, int] | None:
    for item in line.get("ContentSequence") or ():
        for reference in item.get("ReferencedSOPSequence") or ():
            return str(reference.ReferencedSOPInstanceUID), frame_of(reference) or 1
    return None


def _label(items: list[Dataset]) -> str:
    comment = text_of(items, words.COMMENT, "TextValue")
    if comment:
        return comment
    for item in items:
        if has_name(item, words.FINDING):
            for code in item.get("ConceptCodeSequence") or ():
                return str(code.get("CodeMeaning") or "")
    return ""
