"""Numbers and answers of a container: `results.json`, and the numbers of structured reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator
from pydicom.dataset import Dataset

from inference.containers.labels import check_answer, check_label
from inference.models.cards.card_file import parsed
from inference.models.cards.card_quantities import (
    CodeOf,
    Label,
    Short,
    StatedCurve,
    StatedInterval,
    code_of,
    unit_of,
)
from inference.pipeline import Classification, Measurement
from inference.refusals import ModelUnusable
from inference.rules.conditions import Strict
from storage.core.errors import InvalidRequest
from storage.core.findings import Code

RESULTS_FILE = "results.json"
_DEPTH_AT_MOST, _ITEMS_AT_MOST, _NUMBERS_AT_MOST = 16, 10_000, 500
# Of results.json: a code has three values, and each measurement four fields; two numbers a point of
# a curve.
_ELEMENTS_AT_MOST = 50 * _NUMBERS_AT_MOST + 100_000
_TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")

_Answer = Annotated[Label, AfterValidator(check_answer)]
_Form = TypeVar("_Form", bound=Strict)
_Value = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]


class _Measured(Strict):
    label: Annotated[Label, AfterValidator(check_label)]
    value: _Value
    unit: Short
    """A UCUM code: `mm`, `cm3`, `1`."""
    code: CodeOf | None = None
    interval: StatedInterval | None = None
    curve: StatedCurve | None = None


class _Results(Strict):
    """`results.json`; both may be left out."""

    measurements: tuple[_Measured, ...] = Field((), max_length=_NUMBERS_AT_MOST)
    classifications: dict[_Answer, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, max_length=_NUMBERS_AT_MOST
    )
    """Label and probability."""


class Box(Strict):
    """One object in an image: left, top, right and bottom in its pixels, 0, 0 being the upper left
    corner of the upper left pixel."""

    label: Annotated[Label, AfterValidator(check_label)]
    box: tuple[_Value, _Value, _Value, _Value]
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    code: CodeOf | None = None
    frame: Annotated[int, Field(ge=1)] | None = None
    """Of a multi-frame image, from 1."""

    @model_validator(mode="after")
    def _has_an_area(self) -> "Box":
        left, top, right, bottom = self.box
        if not (left < right and top < bottom):
            raise ValueError("box is left, top, right, bottom, and has no area")
        return self


class _ImageResults(_Results):
    """The same of a single image, in which objects have a place."""

    boxes: tuple[Box, ...] | None = Field(None, max_length=_NUMBERS_AT_MOST)


class _SetResults(_Results):
    """Of several images at once: about all of them, and about each by its role."""

    images: dict[Label, _ImageResults] = Field({}, max_length=100)


@dataclass(frozen=True)
class ImageNumbers:
    """`boxes` are None where the container does not look for any."""

    measurements: list[Measurement]
    classifications: list[Classification]
    boxes: tuple[Box, ...] | None


def read_image_results(path: Path) -> ImageNumbers:
    """Raises ModelUnusable where it has another form."""
    results = _parsed(_ImageResults, path)
    return ImageNumbers(*_stated(results), results.boxes)


def read_set_results(path: Path) -> tuple[ImageNumbers, dict[str, ImageNumbers]]:
    """What is about all images, and about each by its role. Raises ModelUnusable where it has
    another form."""
    results = _parsed(_SetResults, path)
    by_role = {role: ImageNumbers(*_stated(one), one.boxes) for role, one in results.images.items()}
    return ImageNumbers(*_stated(results), None), by_role


def read_results(path: Path) -> tuple[list[Measurement], list[Classification]]:
    """Raises ModelUnusable where it has another form."""
    return _stated(_parsed(_Results, path))


def _parsed(form: type[_Form], path: Path) -> _Form:
    try:
        return parsed(form, path, _ELEMENTS_AT_MOST)
    except InvalidRequest as error:
        raise ModelUnusable(
            error.message.replace(str(path), f"{RESULTS_FILE} of the container"),
            remedy="Its form is in docs/pipelines/containers.md.",
        ) from error


def _stated(results: _Results) -> tuple[list[Measurement], list[Classification]]:
    measured = [
        Measurement(
            one.label,
            code_of(one.label, one.code),
            one.value,
            unit_of(one.unit),
            interval=None if one.interval is None else one.interval.stated,
            curve=None if one.curve is None else one.curve.stated,
        )
        for one in results.measurements
    ]
    answers = [Classification(*one) for one in results.classifications.items()]
    return measured, answers


def read_numbers(document: Dataset) -> list[Measurement]:
    """Every number of a structured report (PS3.3 C.17.3), named by its concept and by what its
    group tracks. Raises ModelUnusable where there are too many."""
    found = []
    for number, subject in _numbers(document, "", 0, iter(range(_ITEMS_AT_MOST))):
        concept = _read_code(number.ConceptNameCodeSequence)
        value = number.MeasuredValueSequence[0]
        unit = _read_code(value.MeasurementUnitsCodeSequence)
        label = f"{subject} {concept.meaning}".strip()[:64]
        one = _Measured(
            label=label,
            value=float(value.NumericValue),
            unit=unit.value,
            code=(concept.value, concept.scheme_designator, concept.meaning),
        )
        found.append(Measurement(one.label, concept, one.value, unit))
        if len(found) > _NUMBERS_AT_MOST:
            raise _too_many()
    return found


def _numbers(
    item: Dataset, subject: str, depth: int, left: Iterator[int]
) -> Iterator[tuple[Dataset, str]]:
    items = item.get("ContentSequence") or ()
    if depth > _DEPTH_AT_MOST:
        raise _too_many()
    subject = _tracked(items) or subject
    for one in items:
        if next(left, None) is None:
            raise _too_many()
        if one.get("ValueType") == "NUM" and one.get("MeasuredValueSequence"):
            yield one, subject
        else:
            yield from _numbers(one, subject, depth + 1, left)


def _tracked(items: Sequence[Dataset]) -> str:
    for one in items:
        for name in one.get("ConceptNameCodeSequence") or ():
            if name.get("CodeValue") == _TRACKING_IDENTIFIER.value and one.get("TextValue"):
                return str(one.TextValue)
    return ""


def _read_code(sequence: Sequence[Dataset]) -> Code:
    one = sequence[0]
    return Code(str(one.CodeValue), str(one.CodingSchemeDesignator), str(one.CodeMeaning))


def _too_many() -> ModelUnusable:
    return ModelUnusable(
        f"A report of the container has more than {_NUMBERS_AT_MOST} numbers or is nested too"
        " deeply.",
        remedy="Ask who made the image for a shorter report.",
    )
