"""Units as reports write them and as UCUM does, and what converts into what."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.language.guard.lexicon import pieces_of


@dataclass(frozen=True)
class Unit:
    """A factor to the base of its dimension; units of other dimensions never agree."""

    dimension: str
    factor: float = 1.0


NO_UNIT = Unit("1")
PERCENT = Unit("percent")
POINTS = Unit("percentage points")
"""The difference of two values in percent; never percent of one of them."""
YEAR = Unit("year")
_LENGTH, _AREA, _VOLUME = "mm", "mm2", "mm3"
_WRITTEN: dict[str, Unit] = {
    "mm | millimeter | millimetre | millimeters | millimetres": Unit(_LENGTH),
    "cm | centimeter | centimetre | centimeters | centimetres | zentimeter": Unit(_LENGTH, 10.0),
    "m | meter | metre": Unit(_LENGTH, 1000.0),
    "um": Unit(_LENGTH, 0.001),
    "mm2 | sq mm": Unit(_AREA),
    "cm2 | sq cm": Unit(_AREA, 100.0),
    "mm3 | mm^3 | cubic millimeter | cubic millimeters": Unit(_VOLUME),
    "cm3 | cm^3 | cc | ccm | ml | milliliter | milliliters | millilitre | millilitres"
    " | cubic centimeter | cubic centimeters | cubic centimetres | kubikzentimeter": Unit(
        _VOLUME, 1000.0
    ),
    "dl": Unit(_VOLUME, 100_000.0),
    "l | liter | liters | litre | litres": Unit(_VOLUME, 1_000_000.0),
    "% | percent | per cent | prozent": PERCENT,
    "percentage point | percentage points | prozentpunkt | prozentpunkte": POINTS,
    "hu | he | hounsfield unit | hounsfield units | hounsfield-einheiten": Unit("HU"),
    "year | years | yr | yrs | jahr | jahre | jahren": YEAR,
    "month | months | monat | monate | monaten": Unit("month"),
    "week | weeks | woche | wochen": Unit("week"),
    "day | days | tag | tage | tagen": Unit("day"),
    "degree | degrees | ° | grad": Unit("degree"),
    "px2 | px^2 | square pixels | quadratpixel": Unit("px2"),
    "g": Unit("g"),
    "kg": Unit("g", 1000.0),
}
_UCUM = {
    "mm": "mm",
    "cm": "cm",
    "m": "m",
    "um": "um",
    "mm2": "mm2",
    "cm2": "cm2",
    "mm3": "mm3",
    "cm3": "cm3",
    "mL": "ml",
    "ml": "ml",
    "L": "l",
    "l": "l",
    "dL": "dl",
    "%": "%",
    "[hnsf'U]": "hu",
    "a": "year",
    "mo": "month",
    "wk": "week",
    "d": "day",
    "g": "g",
    "kg": "kg",
    "1": "",
    "{pixels}2": "px2",
    "{ratio}": "",
}
_FORMS = {
    pieces_of(form.strip()): unit for forms, unit in _WRITTEN.items() for form in forms.split("|")
}
_LONGEST = max(len(form) for form in _FORMS)


def unit_at(pieces: Sequence[str], at: int) -> tuple[int, Unit] | None:
    """How many pieces from `at` on write a unit, and which."""
    for length in range(min(_LONGEST, len(pieces) - at), 0, -1):
        unit = _FORMS.get(tuple(pieces[at : at + length]))
        if unit is not None:
            return length, unit
    return None


def unit_of_ucum(code: str | None) -> Unit:
    """Of a finding; one that is not known here agrees with itself alone."""
    if not code:
        return NO_UNIT
    written = _UCUM.get(code)
    if written is None:
        return Unit(f"UCUM {code}")
    return _FORMS[pieces_of(written)] if written else NO_UNIT
