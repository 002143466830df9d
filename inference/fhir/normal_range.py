"""The normal range of a finding as FHIR states it (hl7.org/fhir/R4/observation.html)."""

from collections.abc import Iterator, Mapping
from typing import Literal

from inference.fhir.resources import ObservationComponent, ObservationReferenceRange
from inference.fhir.types import UCUM, CodeableConcept, Coding, Quantity, concept, plain
from inference.normal_ranges.distribution import shown_percentile
from storage.core.findings import Code, NormalRange

_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_PLACES = {"below": ("L", "Low"), "within": ("N", "Normal"), "above": ("H", "High")}
_NORMAL = CodeableConcept(
    coding=[
        Coding(
            system="http://terminology.hl7.org/CodeSystem/referencerange-meaning",
            code="normal",
            display="Normal Range",
        )
    ]
)
_PERCENTILE = concept("121415", "DCM", "Percentile Ranking of measurement")
_COMPARATORS: Mapping[str, Literal["<", ">"]] = {"below": "<", "above": ">"}
_Z_SCORE = concept("121416", "DCM", "Z-Score of measurement")


def reference_range(
    normal: NormalRange | None, unit: Code | None
) -> list[ObservationReferenceRange] | None:
    if normal is None or normal.missing:
        return None
    text = ". ".join(part.rstrip(".") for part in (normal.source, normal.caveat) if part)
    return [
        ObservationReferenceRange(
            low=_quantity(normal.low, unit),
            high=_quantity(normal.high, unit),
            type=_NORMAL,
            applies_to=[plain(normal.of_whom)] if normal.of_whom else None,
            text=text,
        )
    ]


def interpretation(normal: NormalRange | None, value: float | None) -> list[CodeableConcept] | None:
    """Low, normal or high; None where nothing is to be concluded."""
    place = None if normal is None or value is None else normal.place_of(value)
    if place is None:
        return None
    code, display = _PLACES[place]
    return [CodeableConcept(coding=[Coding(system=_INTERPRETATION, code=code, display=display)])]


def place_in_population(normal: NormalRange | None) -> Iterator[ObservationComponent]:
    """Percentile and z-score, where the source states a distribution."""
    if normal is None or normal.percentile is None or normal.z_score is None:
        return
    shown = shown_percentile(normal.percentile)
    yield ObservationComponent(
        code=_PERCENTILE,
        value_quantity=Quantity(
            # The ends are no percentiles, but what lies beyond the first or the last that is one.
            value=normal.percentile if shown.place == "at" else float(shown.number),
            comparator=_COMPARATORS.get(shown.place),
            unit="percent",
            system=UCUM,
            code="%",
        ),
    )
    yield ObservationComponent(
        code=_Z_SCORE,
        value_quantity=Quantity(value=normal.z_score, unit="no units", system=UCUM, code="1"),
    )


def _quantity(value: float | None, unit: Code | None) -> Quantity | None:
    if value is None:
        return None
    if unit is None:
        return Quantity(value=value)
    return Quantity(value=value, unit=unit.meaning or unit.value, system=UCUM, code=unit.value)
