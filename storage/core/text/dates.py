"""Dates as DICOM writes them (PS3.5 6.2, DA)."""

from datetime import date, datetime


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
