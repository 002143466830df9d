"""Comparisons in a question ("LAA-950 > 2 %", "Rundherd über 8 mm"), and amounts that meet them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from inference.language.guard.lexicon import pieces_of
from inference.language.guard.numbers.units import unit_at

# Groups of three behind a comma are thousands; any other comma is a decimal one.
_NUMBER = r"[-−]?(?:\d{1,3}(?:,\d{3})+(?![\d.,]\d|\d)|\d+(?:[.,]\d+)?)"
_GROUPED = re.compile(r"[-−]?\d{1,3}(?:,\d{3})+")
_UNIT = r"%|percent|prozent|[mc]m[²³23]?|ml|cc|litres?|liters?|l|hu|he"
_AMOUNT = re.compile(rf"(?<![\w.,])(?P<number>{_NUMBER})\s*(?P<unit>(?:{_UNIT})(?!\w))?", re.I)
# 8 x 5 mm, 3 to 5 mm: the unit of the last one is that of all.
_JOINED = re.compile(
    rf"\s*(?:x|×|by|mal|(?P<range>to|bis|-|–))\s*(?P<number>{_NUMBER})\s*(?P<unit>(?:{_UNIT})(?!\w))",
    re.I,
)
# Which of many, and not how much: "segments 2 and 3 up to 2.8 cm".
_COUNTED = re.compile(
    rf"\b(?:seg(?:ment\w*|\.)|stations?|levels?|etagen?|seri(?:es?|en)|schichte?n?|slices?|bild(?:er)?"
    rf"|images?|ripp?en?|ribs?)\s+(?:{_NUMBER}\s*(?:,|/|-|–|und|and|to|bis)\s*){{0,8}}$",
    re.I,
)
_BEFORE = 80
_MORE = (
    "greater than or equal to|at least|mindestens|no less than|>=|≥|ab",
    "greater than|larger than|bigger than|longer than|higher than|more than|größer als|"
    "grösser als|länger als|höher als|mehr als|above|over|exceeding|exceeds|über|oberhalb von|>",
)
_LESS = (
    "less than or equal to|at most|höchstens|no more than|up to|<=|≤",
    "less than|smaller than|shorter than|lower than|fewer than|kleiner als|kürzer als|"
    "niedriger als|weniger als|below|under|unter|unterhalb von|<",
)
_WORDS = {">=": _MORE[0], ">": _MORE[1], "<=": _LESS[0], "<": _LESS[1], "=": "="}
_BOUND = re.compile(
    r"(?<![\w])(?:ist|is|are|von|of)?\s*(?:"
    + "|".join(
        f"(?P<{name}>{_WORDS[sign]})"
        for name, sign in (
            ("more_or_equal", ">="), ("more", ">"), ("less_or_equal", "<="), ("less", "<"),
            ("equal", "="),
        )
    )
    + rf")\s*(?P<number>{_NUMBER})\s*(?P<unit>(?:{_UNIT})(?!\w))?",
    re.I,
)  # fmt: skip
_BETWEEN = re.compile(
    rf"\b(?:between|zwischen)\s*(?P<low>{_NUMBER})\s*(?:{_UNIT})?\s*(?:and|und)\s*(?P<high>{_NUMBER})"
    rf"\s*(?P<unit>(?:{_UNIT})(?!\w))?",
    re.I,
)
_POWERS = str.maketrans("²³", "23")


@dataclass(frozen=True)
class Amount:
    """A number in the base of its unit's dimension, which is empty where no unit is written."""

    value: float
    dimension: str
    start: int = 0


@dataclass(frozen=True)
class Limit:
    """What amounts a question asks for: `sign` is one of > >= < <= =."""

    sign: str
    amount: Amount
    text: str
    """The amount as it was understood: `2400 ml`."""

    def is_met_by(self, amount: Amount) -> bool:
        if self.amount.dimension and self.amount.dimension != amount.dimension:
            return False
        value, limit = amount.value, self.amount.value
        return {
            ">": value > limit,
            ">=": value >= limit,
            "<": value < limit,
            "<=": value <= limit,
            "=": abs(value - limit) <= 1e-9 * max(1.0, abs(limit)),
        }[self.sign]


def limits_of(question: str) -> tuple[list[Limit], str]:
    """The comparisons of a question, and its words without them."""
    limits: list[Limit] = []

    def between(match: re.Match[str]) -> str:
        for sign, name in ((">=", "low"), ("<=", "high")):
            limits.append(_limit(sign, match[name], match["unit"]))
        return " "

    def bound(match: re.Match[str]) -> str:
        signs = {
            "more_or_equal": ">=", "more": ">", "less_or_equal": "<=", "less": "<", "equal": "=",
        }  # fmt: skip
        sign = next(sign for name, sign in signs.items() if match[name])
        limits.append(_limit(sign, match["number"], match["unit"]))
        return " "

    rest = _BOUND.sub(bound, _BETWEEN.sub(between, question))
    return limits, " ".join(rest.split())


def amounts_in(text: str) -> Iterator[Amount]:
    """Numbers of a sentence with their units; those within names (`LAA-950`) are none."""
    for match in _AMOUNT.finditer(text):
        following = _joined(text, match) if not match["unit"] else None
        unit = match["unit"] or (following["unit"] if following else None)
        yield _amount(match["number"], unit, match.start())


def _joined(text: str, match: re.Match[str]) -> re.Match[str] | None:
    """What gives the number its unit: "3 to 5 mm", and not "segments 6 and 7 up to 2.8 cm"."""
    following = _JOINED.match(text, match.end())
    if following is None:
        return None
    if following["range"] and _value(match["number"]) > _value(following["number"]):
        return None
    before = text[max(0, match.start() - _BEFORE) : match.start()]
    return None if _COUNTED.search(before) else following


def _limit(sign: str, number: str, unit: str | None) -> Limit:
    text = f"{_value(number):g} {unit or ''}".strip()
    return Limit(sign, _amount(number, unit), text)


def _amount(number: str, unit: str | None, start: int = 0) -> Amount:
    found = unit_at(pieces_of(unit.translate(_POWERS)), 0) if unit else None
    if found is None:
        return Amount(_value(number), "", start)
    return Amount(_value(number) * found[1].factor, found[1].dimension, start)


def _value(number: str) -> float:
    separator = "" if _GROUPED.fullmatch(number) else "."
    return float(number.replace("−", "-").replace(",", separator))
