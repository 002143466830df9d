"""Values of DICOM attributes as the API's."""

import re
from datetime import date

_DA = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
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
