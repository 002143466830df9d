"""Comparisons in a question ("LAA-950 > 2 %", "Rundherd über 8 mm"), and amounts that meet them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"[-−]?\d+(?:[.,]\d+)?"
_UNIT = r"%|percent|prozent|[mc]m[²³23]?|ml|cc|litres?|liters?|l|hu|he"
_AMOUNT = re.compile(rf"(?<![\w.,])(?P<number>{_NUMBER})\s*(?P<unit>(?:{_UNIT})(?!\w))?", re.I)
# 8 x 5 mm, 3 to 5 mm: the unit of the last one is that of all.
_JOINED = re.compile(
    rf"\s*(?:x|×|by|to|bis|-|–|mal)\s*{_NUMBER}\s*(?P<unit>(?:{_UNIT})(?!\w))", re.I
)
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
# The factor to the first unit of its kind.
_UNITS = {
    "%": ("share", 1.0), "percent": ("share", 1.0), "prozent": ("share", 1.0),
    "mm": ("length", 1.0), "cm": ("length", 10.0),
    "mm²": ("area", 1.0), "mm2": ("area", 1.0), "cm²": ("area", 100.0), "cm2": ("area", 100.0),
    "mm³": ("volume", 0.001), "mm3": ("volume", 0.001),
    "ml": ("volume", 1.0), "cc": ("volume", 1.0), "cm³": ("volume", 1.0), "cm3": ("volume", 1.0),
    "l": ("volume", 1000.0), "liter": ("volume", 1000.0), "liters": ("volume", 1000.0),
    "litre": ("volume", 1000.0), "litres": ("volume", 1000.0),
    "hu": ("attenuation", 1.0), "he": ("attenuation", 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Amount:
    """A number in the first unit of its kind; `kind` is empty where no unit is written."""

    value: float
    kind: str
    start: int = 0


@dataclass(frozen=True)
class Limit:
    """What amounts a question asks for: `sign` is one of > >= < <= =."""

    sign: str
    amount: Amount

    def is_met_by(self, amount: Amount) -> bool:
        if self.amount.kind and self.amount.kind != amount.kind:
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
            limits.append(Limit(sign, _amount(match[name], match["unit"])))
        return " "

    def bound(match: re.Match[str]) -> str:
        signs = {
            "more_or_equal": ">=", "more": ">", "less_or_equal": "<=", "less": "<", "equal": "=",
        }  # fmt: skip
        sign = next(sign for name, sign in signs.items() if match[name])
        limits.append(Limit(sign, _amount(match["number"], match["unit"])))
        return " "

    rest = _BOUND.sub(bound, _BETWEEN.sub(between, question))
    return limits, " ".join(rest.split())


def amounts_in(text: str) -> Iterator[Amount]:
    """Numbers of a sentence with their units; those within names (`LAA-950`) are none."""
    for match in _AMOUNT.finditer(text):
        following = _JOINED.match(text, match.end()) if not match["unit"] else None
        unit = match["unit"] or (following["unit"] if following else None)
        yield _amount(match["number"], unit, match.start())


def _amount(number: str, unit: str | None, start: int = 0) -> Amount:
    kind, factor = _UNITS[unit.casefold()] if unit else ("", 1.0)
    return Amount(float(number.replace("−", "-").replace(",", ".")) * factor, kind, start)
