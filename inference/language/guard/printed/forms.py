"""Forms of the parts of a printed line, and the lines between that say nothing of its values."""

from __future__ import annotations

import re
from functools import cache

from inference.language.guard.dates import find_dates
from inference.language.guard.printed.numbers import NUMBER, UNIT, VALUE, plain, words
from inference.language.guard.reading import read

_LONGEST_TITLE = 8


@cache
def forms() -> dict[str, re.Pattern[str]]:
    """What may stand in a line, by its part."""
    one = words()
    unit = rf"(?P<unit>{UNIT})?"
    ends = rf"(?P<low>{NUMBER})\s?(?:-|to|bis)\s?(?P<high>\d+(?:[.,]\d+)?)\s?{unit}"
    single = rf"(?:[<≤]\s?)?(?P<value>{NUMBER})\s?{unit}"
    adjusted = rf"(?:\s(?:{one['adjusted']}))?"
    return {
        "percentile": re.compile(
            rf"(?P<value>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:{one['percentile']}){adjusted}$"
        ),
        "range": re.compile(rf"(?:{one['reference']}):?\s?{ends}{adjusted}$"),
        "limit": re.compile(rf"(?:{one['limit']}):?\s?{single}$"),
        "lower_limit": re.compile(rf"(?:{one['lower_limit']}):?\s?{single}$"),
        "change": re.compile(rf"(?P<sign>[+-])(?P<value>{NUMBER})\s?%$"),
        "earlier": re.compile(rf"(?:{one['earlier']})\s"),
        "adjusted": re.compile(rf"{one['adjusted']}$"),
        "metadata": re.compile(one["metadata"]),
        "plain_values": re.compile(one["plain_values"]),
        "remarks": re.compile(rf"\b(?:{one['remarks']})"),
    }


def is_metadata(match: re.Match[str] | None) -> bool:
    """`Comparison: CT of 12.03.2025`, `Software: ...`: what was measured with, and when."""
    return match is not None and forms()["metadata"].fullmatch(plain(match.group(1))) is not None


def is_finding(value: str) -> bool:
    """Whether what is not understood as a value is none the less a finding, and no remark."""
    dates = find_dates(value)
    rest = value
    for one in dates:
        rest = rest[: one.start] + " " * (one.end - one.start) + rest[one.end :]
    plain_value = forms()["plain_values"].fullmatch(value) is not None
    return plain_value or VALUE.search(rest) is not None or names_known_alone(value)


def names_known_alone(written: str) -> bool:
    """`No midline shift.`: findings in known words, and nothing of values or examinations."""
    low = plain(written)
    reading = read(low)
    named = {word.entry.category for word in reading.words}
    denied = all(
        word.entry.concept == "negation"
        for word in reading.words
        if word.entry.category == "trigger"
    )
    known = not named & {"word", "modality", "change"} and bool(named & {"thing", "anatomy"})
    return known and denied and not forms()["remarks"].search(low)


def is_title(written: str) -> bool:
    """`MR volumetry of the brain`: of no side, and no remark."""
    low = plain(written)
    if not low or ":" in low or low.endswith(".") or len(low.split()) > _LONGEST_TITLE:
        return False
    named = {word.entry.category for word in read(low).words}
    return not named & {"side", "trigger", "change"} and not forms()["remarks"].search(low)
