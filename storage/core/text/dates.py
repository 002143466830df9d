"""Dates and times of day as DICOM writes them (PS3.5 6.2, DA and TM)."""

import re
from collections.abc import Sequence
from datetime import date, datetime

_TM = re.compile(r"([01]\d|2[0-3]):?([0-5]\d)(?::?\d{2}(?:\.\d{1,6})?)?")


def date_of(value: str) -> date | None:
    """A DA as a date, also with the dots of ACR-NEMA; None where it is none."""
    try:
        return datetime.strptime(value.replace(".", "").strip(), "%Y%m%d").date()
    except ValueError:
        return None


def shown_date(value: str) -> str:
    """A DA for people: 2024-01-31; what is none as it is written."""
    found = date_of(value)
    return value if found is None else found.isoformat()


def shown_time(value: str) -> str:
    """A TM for people, to the minute: 08:30; empty of what is none, or of an hour alone."""
    match = _TM.fullmatch(value.strip())
    return "" if match is None else f"{match[1]}:{match[2]}"


def time_beside(study_date: str, study_time: str, other_date: str) -> str:
    """The time (TM) of a study that is named beside another one, where both are of one day; empty
    where the day alone names it."""
    then, now = date_of(study_date), date_of(other_date)
    return study_time if then is not None and then == now else ""


def shown_moment(study_date: str, study_time: str, other_date: str) -> str:
    """The same for people: 2024-01-31, or 2024-01-31, 08:30."""
    time = shown_time(time_beside(study_date, study_time, other_date))
    return f"{shown_date(study_date)}, {time}" if time else shown_date(study_date)


def is_after_in_utc(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the first of two moments (DA, TM, TimezoneOffsetFromUTC) is the later one.

    False unless both state all three.
    """
    one, other = _in_utc(*first), _in_utc(*second)
    return one is not None and other is not None and one > other


def _in_utc(day: str, time: str, zone: str) -> datetime | None:
    digits = re.sub(r"\D", "", time.partition(".")[0]).ljust(6, "0")
    try:
        return datetime.strptime(f"{date_of(day):%Y%m%d}{digits}{zone.strip()}", "%Y%m%d%H%M%S%z")
    except (TypeError, ValueError):
        return None
