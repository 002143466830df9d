"""Dates as people write them, and as DICOM does."""

import re
from dataclasses import dataclass
from datetime import date

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner",
            "february feb februar",
            "march mar märz",
            "april apr",
            "may mai",
            "june jun juni",
            "july jul juli",
            "august aug",
            "september sep sept",
            "october oct oktober okt",
            "november nov",
            "december dec dezember dez",
        ),
        start=1,
    )
    for name in names.split()
}
_NAMES = "|".join(sorted(MONTHS, key=len, reverse=True))
_FORMS = (
    re.compile(r"(?<![\w.])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?![\w-])"),
    re.compile(r"(?<![\w./])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d{2})(?![\w/])"),
    re.compile(r"(?<![\w.])(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?!\w)"),
    re.compile(
        rf"(?<![\w.])(?P<day>\d{{1,2}})\.?\s(?P<name>{_NAMES})\.?\s(?P<year>\d{{4}})(?!\w)", re.I
    ),
    re.compile(
        rf"(?<!\w)(?P<name>{_NAMES})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year>\d{{4}})(?!\w)",
        re.I,
    ),
    re.compile(r"(?<![\w.,-])(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?![\w.,])"),
    re.compile(rf"(?<!\w)(?P<name>{_NAMES})\s(?P<year>(?:19|20)\d\d)(?!\w)", re.I),
    # A year alone is one only behind such a word.
    re.compile(
        r"(?<!\w)(?:in|since|with|seit|of|to)\s(?P<only>(?P<year>(?:19|20)\d\d))"
        r"(?![\w-]|[.,]\d| ?(?:mm|cm|ml|%))",
        re.I,
    ),
)


@dataclass(frozen=True)
class FoundDate:
    """A day, a month where `day` is 0, a year where both are; `text[start:end]` says it."""

    year: int
    month: int
    day: int
    start: int
    end: int

    def agrees(self, other: "FoundDate") -> bool:
        """Whether both may be the same day."""
        if self.year != other.year:
            return False
        if 0 in (self.month, other.month):
            return True
        return self.month == other.month and (self.day == other.day or 0 in (self.day, other.day))


def find_dates(text: str) -> tuple[FoundDate, ...]:
    """Every date in the text, in its order; what is no day of a calendar is left a number.

    Slashes are read month first, points day first.
    """
    found: list[FoundDate] = []
    for form in _FORMS:
        for match in form.finditer(text):
            if any(match.start() < one.end and one.start < match.end() for one in found):
                continue
            read = _read(match)
            if read is not None:
                found.append(read)
    return tuple(sorted(found, key=lambda one: one.start))


def dicom_date(value: str) -> FoundDate | None:
    """The date of an attribute of VR DA; None where there is none."""
    found = find_dates(value.strip())
    return found[0] if len(found) == 1 else None


def _read(match: re.Match[str]) -> FoundDate | None:
    parts = match.groupdict()
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= 70 else 2000
    if parts.get("only"):
        return FoundDate(year, 0, 0, match.start("only"), match.end("only"))
    month = MONTHS[parts["name"].casefold()] if parts.get("name") else int(parts["month"])
    day = int(parts.get("day") or 0)
    try:
        date(year, month, day or 1)
    except ValueError:
        return None
    return FoundDate(year, month, day, match.start(), match.end())
