"""Numbers with their units: what a sentence says of how much."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.language.guard.numbers.units import NO_UNIT, PERCENT, Unit, unit_at

# More than this, and rounding hides what was measured.
LARGEST_ROUNDING = 0.05
_FINE_DECIMALS = 2
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_GROUPED_GERMAN = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
# As words, where a unit follows: `in one year`.
_WORDS = {
    word: number
    for number, words in enumerate(
        "one ein einem|two zwei|three drei|four vier|five fünf|six sechs|seven sieben|eight acht"
        "|nine neun|ten zehn|eleven elf|twelve zwölf".split("|"),
        start=1,
    )
    for word in words.split()
}
_COMPARATORS = {
    ("more", "than"): ">",
    ("greater", "than"): ">",
    ("larger", "than"): ">",
    ("less", "than"): "<",
    ("lower", "than"): "<",
    ("smaller", "than"): "<",
    ("fewer", "than"): "<",
    ("at", "least"): ">",
    ("at", "most"): "<",
    ("up", "to"): "<=",
    ("over",): ">",
    ("above",): ">",
    ("exceeding",): ">",
    ("exceeds",): ">",
    ("under",): "<",
    ("below",): "<",
    (">",): ">",
    ("<",): "<",
    (">", "="): ">",
    ("<", "="): "<",
    ("mehr", "als"): ">",
    ("weniger", "als"): "<",
    ("über",): ">",
    ("unter",): "<",
    ("mindestens",): ">",
    ("höchstens",): "<",
    ("bis", "zu"): "<=",
    ("bis",): "<=",
}


@dataclass(frozen=True)
class Quantity:
    """A number as written; `at` and `end` are the pieces that write it."""

    value: float
    decimals: int
    unit: Unit
    at: int
    end: int
    signed: bool = False
    comparator: str = ""
    """Where the number is a bound: `<`, `>` or `<=`."""
    ranged: bool = False
    """An end of a range: `10-12 cm`."""
    group: int = -1
    """Numbers joined by `x` share a group."""

    def says(self, value: float, unit: Unit) -> bool:
        """Whether `value` in `unit` rounds to what is written, and rounding hides little."""
        if self.unit.dimension != unit.dimension or self.comparator or self.ranged:
            return False
        meant = value * unit.factor / self.unit.factor
        off = abs(meant - self.value)
        # Shares are small; two decimals of a percent are what a report gives of them.
        fine = self.unit == PERCENT and self.decimals >= _FINE_DECIMALS
        rounded = off <= 0.5 * 10.0**-self.decimals + 1e-9
        return rounded and (fine or off <= LARGEST_ROUNDING * abs(meant))


def is_number(piece: str) -> bool:
    """Whether a piece is a number in digits, ordinals left out."""
    return _NUMBER.fullmatch(piece) is not None


def read_number(piece: str, german: bool) -> tuple[float, int] | None:
    """Value and decimals; None where points and commas make no number of the language."""
    grouped, group, point = (_GROUPED_GERMAN, ".", ",") if german else (_GROUPED_ENGLISH, ",", ".")
    if "." in piece and "," in piece and not grouped.fullmatch(piece):
        # Points and commas together are of one language alone.
        return read_number(piece, not german) if _is_grouped(piece, not german) else None
    if grouped.fullmatch(piece):
        piece = piece.replace(group, "")
    if piece.count(".") + piece.count(",") > 1:
        return None
    # Of two readings, the language has chosen above; one comma is a decimal point in both.
    plain = piece.replace(point, ".").replace(group, ".")
    whole, _, fraction = plain.partition(".")
    return float(plain), len(fraction) if whole else 0


def _is_grouped(piece: str, german: bool) -> bool:
    return (_GROUPED_GERMAN if german else _GROUPED_ENGLISH).fullmatch(piece) is not None


def find_quantities(
    pieces: Sequence[str], free: Sequence[bool], german: bool
) -> tuple[Quantity, ...]:
    """The quantities among the pieces that are `free`, that is, not part of a name or a date."""
    found: list[Quantity] = []
    at = 0
    while at < len(pieces):
        word = _WORDS.get(pieces[at]) if unit_at(pieces, at + 1) else None
        if word is None and not (free[at] and is_number(pieces[at])):
            at += 1
            continue
        read = (float(word), 0) if word is not None else read_number(pieces[at], german)
        value, decimals = read if read is not None else (float("nan"), 0)
        written = unit_at(pieces, at + 1)
        length, unit = written if written is not None else (0, NO_UNIT)
        negative = at > 0 and pieces[at - 1] == "-" and not _after_number(pieces, free, at - 1)
        signed = negative or (at > 0 and pieces[at - 1] == "+")
        found.append(
            Quantity(
                value=-value if negative else value,
                decimals=decimals,
                unit=unit,
                at=at,
                end=at + 1 + length,
                signed=signed,
                comparator=_comparator(pieces, at - 1 if signed else at),
            )
        )
        at += 1 + length
    return tuple(_joined(found, pieces))


def _after_number(pieces: Sequence[str], free: Sequence[bool], at: int) -> bool:
    return at > 0 and free[at - 1] and is_number(pieces[at - 1])


def _comparator(pieces: Sequence[str], at: int) -> str:
    for length in (2, 1):
        found = _COMPARATORS.get(tuple(pieces[max(at - length, 0) : at]))
        if found is not None and at >= length:
            return found
    return ""


def _joined(found: list[Quantity], pieces: Sequence[str]) -> list[Quantity]:
    """Groups, ranges and lists take the unit that stands at their end."""
    group = 0
    for index in range(len(found) - 1):
        first, second = found[index], found[index + 1]
        between = tuple(pieces[first.end : second.at])
        if between == ("x",):
            if first.group < 0:
                group += 1
                found[index] = replace(first, group=group)
            found[index + 1] = replace(second, group=found[index].group)
        elif between in (("-",), ("to",), ("bis",)) and first.unit in (NO_UNIT, second.unit):
            ranged = between == ("-",) or not _is_from(pieces, first.at)
            found[index] = replace(first, ranged=ranged)
            found[index + 1] = replace(second, ranged=ranged)
    for index in range(len(found) - 2, -1, -1):
        first, second = found[index], found[index + 1]
        between = tuple(pieces[first.end : second.at])
        between = between[:-1] if second.signed and len(between) > 1 else between
        lists = ("x",), ("and",), ("und",), ("/",), (",",), ("vs",), ("vs", "."), ("versus",)
        if first.unit == NO_UNIT and between in (*lists, ("-",), ("to",), ("bis",), ("auf",)):
            found[index] = replace(first, unit=second.unit)
    return found


def _is_from(pieces: Sequence[str], at: int) -> bool:
    return at > 0 and pieces[at - 1] in ("from", "von")
