"""Days as a document writes them: which of two numbers is the month, it tells itself or nobody."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from inference.language.guard.numbers.dates import MONTHS, find_dates

_SLASHED = re.compile(r"(?<![\w./])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])")
_WITHOUT_YEAR = re.compile(r"(?<![\w.])(\d{1,2})\.\s?(\d{1,2})\.(?!\s?\d)")
# German is written day first, with slashes too.
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|nicht|mit|von|geb|geburtsdatum|datum|wurde|herr|frau|befund)\b",
    re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"\bdd ?[/.-] ?mm\b|\btt ?[/.-] ?mm\b", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"\bmm ?[/.-] ?dd\b", re.IGNORECASE)
# The verb is written alike.
_IN_MAY = re.compile(r"(?<=\bin )may\b|(?<=\bof )may\b|\bmay(?= (?:19|20)\d\d\b)")
_LEAST_GERMAN_WORDS = 3


class Day(NamedTuple):
    year: int
    month: int
    day: int


def is_day_first(texts: Iterable[str]) -> bool | None:
    """How a document writes dates with slashes: None where nothing in it tells."""
    text = "\n".join(texts)
    firsts = [int(found[1]) for found in _SLASHED.finditer(text)]
    seconds = [int(found[2]) for found in _SLASHED.finditer(text)]
    is_day = any(one > 12 for one in firsts) or bool(_DAY_FIRST.search(text))
    is_month = any(one > 12 for one in seconds) or bool(_MONTH_FIRST.search(text))
    if is_day != is_month:
        return is_day
    if not is_day and len(_GERMAN.findall(text)) >= _LEAST_GERMAN_WORDS:
        return True
    return None


def days_in(text: str, day_first: bool | None) -> list[Day]:
    """Its days in their order; those with slashes only where it is known how they are read."""
    found = [
        (one.start, Day(one.year, one.month, one.day))
        for one in find_dates(text)
        if one.day and not _SLASHED.fullmatch(text[one.start : one.end])
    ]
    for written in _WITHOUT_YEAR.finditer(text):
        found.append((written.start(), Day(0, int(written[2]), int(written[1]))))
    for written in _SLASHED.finditer(text):
        day = _read(written, day_first)
        if day is not None:
            found.append((written.start(), day))
    return [day for _, day in sorted(found)]


def has_open_day(text: str, day_first: bool | None) -> bool:
    """Whether it has a date that may be of either of two days."""
    return any(_read(written, day_first) is None for written in _SLASHED.finditer(text))


def _read(written: re.Match[str], day_first: bool | None) -> Day | None:
    one, other, year = map(int, written.groups())
    if max(one, other) > 12 or one == other:
        day_first = one > 12
    if day_first is None:
        return None
    day, month = (one, other) if day_first else (other, one)
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return Day(year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def months_in(text: str) -> set[int]:
    """Months that are named without a day."""
    words = re.findall(r"[^\W\d_]+", _IN_MAY.sub("mai", text.casefold()))
    return {MONTHS[word] for word in words if len(word) > 3 and word in MONTHS} | {
        5 for word in words if word == "mai"
    }


def months_of_head(text: str, day_first: bool | None) -> set[int]:
    """Those that its only date may be of: two where nothing tells how it is read."""
    days = days_in(text, day_first)
    slashed = _SLASHED.findall(text)
    if not days and len(slashed) == 1:
        return {number for number in map(int, slashed[0][:2]) if 1 <= number <= 12}
    return {days[0].month} if len(days) == 1 else set()
