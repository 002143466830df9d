"""Values with their units as printed findings write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parents[1] / "data" / "printed.yaml"
_UNITS = {
    "%": ("percent", "1"),
    "percent": ("percent", "1"),
    "prozent": ("percent", "1"),
    "mm": ("mm", "1"),
    "cm": ("mm", "10"),
    "mm²": ("mm²", "1"),
    "cm²": ("mm²", "100"),
    "mm³": ("mm³", "1"),
    "cm³": ("mm³", "1000"),
    "ml": ("mm³", "1000"),
    "cc": ("mm³", "1000"),
    "l": ("mm³", "1000000"),
    "ml/m²": ("ml/m²", "1"),
    "g/m²": ("g/m²", "1"),
    "g": ("g", "1"),
    **{
        unit: (unit, "1")
        for unit in "ms mmhg cm/s m/s l/min l/min/m² ml/min kpa mg/cm³ mg/ml g/cm² g/cm³ kg/m² °"
        " ng/ml bpm hz cm²/m² mm/m² mg/l".split()
    },
    "degrees": ("°", "1"),
    "grad": ("°", "1"),
    **dict.fromkeys(("days", "day", "tage", "tag", "tagen"), ("day", "1")),
    **dict.fromkeys(("weeks", "week", "wochen", "woche"), ("week", "1")),
    **dict.fromkeys(("months", "month", "monate", "monaten", "monat"), ("month", "1")),
    **dict.fromkeys(("years", "year", "jahre", "jahren", "jahr"), ("year", "1")),
    "hu": ("hu", "1"),
    "he": ("hu", "1"),
}
COUNT = "count"
_NOUNS = "läsionen|läsion|lesions|lesion|nodules|nodule|herde|herd|cysts|cyst|zysten|zyste"
UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
NUMBER = r"(?<![\w.,#])\d+(?:[.,]\d+)?"
VALUE = re.compile(
    rf"(?P<sign>(?<![\w²³])[+-])?(?P<number>{NUMBER})\s?(?P<unit>(?:{UNIT})(?![\w²³/])|(?:{_NOUNS})\b)?"
)
_POWER = re.compile(r"(?<![^\W\d_])(c?m{1,2})\^?([23])(?!\w)")
_NUMBERED = re.compile(
    r"\b(nodule|lesion|läsion|herd|rundherd|tumou?r|knoten|cyst|zyste|aneurysma?|mass|metastas[ei]s?"
    rf"|target|stone|stein|no\.|nr\.)\s#?(\d{{1,2}})(?![\w.,]?\d)(?!\s?(?:{UNIT})(?!\w))"
)
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}$")
_WORDS = {
    word: str(number)
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    )
    for number, word in enumerate(words.split(), start=1)
}
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")


@dataclass(frozen=True)
class Value:
    """A number in the base unit of its dimension; `dimension` is empty without a unit."""

    amount: Decimal
    dimension: str = ""


@cache
def words() -> dict[str, str]:
    """The forms that lines and sentences have, by what they mean."""
    loaded: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def plain(text: str) -> str:
    """In small letters, with one writing for units, dashes and numbers in words."""
    low = " ".join(text.casefold().replace("–", "-").replace("−", "-").split())
    # Case folding turns `ß` into `ss`; the forms of this module are written with it.
    low = low.replace("gröss", "größ").replace("gross", "groß").replace("misst", "mißt")
    low = _POWER.sub(lambda one: one.group(1) + "²³"[int(one.group(2)) - 2], low)
    low = _NUMBERED.sub(r"\1 #\2", low)
    return _WORD.sub(lambda one: _WORDS[one.group()], low)


def value_of(match: re.Match[str]) -> Value | None:
    """What a match of `VALUE` says; None where its point may part thousands."""
    number, unit = match.group("number"), match.group("unit") or ""
    if _AMBIGUOUS.match(number):
        return None
    amount = Decimal(number.replace(",", "."))
    if match.group("sign") == "-":
        amount = -amount
    if not unit:
        return Value(amount)
    if unit not in _UNITS:
        return Value(amount, COUNT)
    dimension, factor = _UNITS[unit]
    return Value(amount * Decimal(factor), dimension)
