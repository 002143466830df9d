"""Numbers and answers of a container: `results.json`, and the numbers of structured reports."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydicom.dataset import Dataset

from inference.models.card_file import parsed
from inference.pipeline import Classification, Measurement
from inference.refusals import ModelUnusable
from inference.rules.conditions import Strict
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from storage.core.text.outside_text import text_from_outside

RESULTS_FILE = "results.json"
_SCHEME = "99MEDIVIEW"
_DEPTH_AT_MOST, _ITEMS_AT_MOST, _NUMBERS_AT_MOST = 16, 10_000, 500
# Of results.json: a code has three values, and each measurement four fields.
_ELEMENTS_AT_MOST = 20 * _NUMBERS_AT_MOST
_TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")


def _shown_as_it_is(text: str) -> str:
    if "\\" in text or text_from_outside(text, len(text)) != text:
        raise ValueError("has a backslash, or a character of control or of direction")
    return text


_Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_shown_as_it_is)]
_Short = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_shown_as_it_is)]
_Value = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]


class _Measured(Strict):
    label: _Label
    value: _Value
    unit: _Short
    """A UCUM code: `mm`, `cm3`, `1`."""
    code: tuple[_Short, _Short, _Label] | None = None


class _Results(Strict):
    """`results.json`; both may be left out."""

    measurements: tuple[_Measured, ...] = Field((), max_length=_NUMBERS_AT_MOST)
    classifications: dict[_Label, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, max_length=_NUMBERS_AT_MOST
    )
    """Label and probability."""


def read_results(path: Path) -> tuple[list[Measurement], list[Classification]]:
    """Raises ModelUnusable where it has another form."""
    try:
        results = parsed(_Results, path, _ELEMENTS_AT_MOST)
    except InvalidRequest as error:
        raise ModelUnusable(
            error.message.replace(str(path), f"{RESULTS_FILE} of the container"),
            remedy="Its form is in docs/pipelines/containers.md.",
        ) from error
    measured = [
        Measurement(one.label, _code(one.label, one.code), one.value, _unit(one.unit))
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


def _code(label: str, stated: tuple[str, str, str] | None) -> Code:
    return Code(*stated) if stated else Code(label[:16], _SCHEME, label)


def _unit(code: str) -> Code:
    return Code(code, "UCUM", code)


def _too_many() -> ModelUnusable:
    return ModelUnusable(
        f"A report of the container has more than {_NUMBERS_AT_MOST} numbers or is nested too"
        " deeply.",
        remedy="Ask who made the image for a shorter report.",
    )
