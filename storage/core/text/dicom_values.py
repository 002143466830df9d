"""Values of DICOM attributes as the API's."""

import re
from datetime import date

_DA = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_FHIR_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_TM = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d{1,6})?")


def dicom_date(value: str) -> date | None:
    """A DA value as a date; None where it is absent or is not one (PS3.5 Table 6.2-1)."""
    match = _DA.fullmatch(value.strip())
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def is_born_on_another_day(birth_date: str, stated: object) -> bool:
    """A birth date of DICOM, and one of FHIR: a day, a month or a year
    (hl7.org/fhir/R4/datatypes.html#date).

    What is not a date says nothing of who it is.
    """
    born = dicom_date(birth_date)
    date = _FHIR_DATE.match(stated.strip()) if isinstance(stated, str) else None
    return born is not None and date is not None and not born.isoformat().startswith(date[0])


def dicom_time(value: str) -> str | None:
    """A TM value as HH:MM:SS; None where it is absent or is not one."""
    match = _TM.fullmatch(value.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    # 60 is a leap second.
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return f"{hours:02}:{minutes:02}:{seconds:02}"
