"""Dates and times that requests state. A number is none: it would mean seconds since 1970."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from storage.core.text.dicom_values import dicom_date, dicom_time

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _WRITTEN.fullmatch(value.strip()):
        return value.strip()
    found = dicom_date(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("Write a date as 2026-01-31, or as DICOM does: 20260131.")
    return found


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    # Leaves what is not to be read to the usual refusal.
    return (dicom_time(value) if isinstance(value, str) else None) or value


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _WRITTEN.match(value.strip()):
        # "+" stands for a blank in the query of an address.
        return re.sub(r" (?=\d{2}:?\d{2}$)", "+", value.strip())
    raise ValueError("Write a time with its zone, such as 2026-01-31T14:30:00Z.")


def _with_utc(value: datetime) -> datetime:
    """It is compared in UTC, where the first and the last hours of all years have no name."""
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Write a time that is in the years 1 to 9999 in UTC.") from error
    return value


Day = Annotated[date, BeforeValidator(_day)]
"""RFC 3339, or a DA of DICOM (PS3.5 Table 6.2-1)."""
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
"""RFC 3339, or a TM of DICOM."""
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_with_utc)]
"""RFC 3339."""
