"""Values of matching keys that are dates, times and UIDs (PS3.4 C.2.2.2, PS3.5 6.2)."""

import re
from datetime import datetime

from storage.core.errors import InvalidKey

_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?")
_UID = re.compile(r"[0-9.]{1,64}")


def date_range(keyword: str, value: str) -> tuple[str, str]:
    """Both ends of a range as YYYYMMDD, empty where it is open; a date is both of its ends.

    Raises InvalidKey for what is no date, and for a range that ends before it begins.
    """
    bare = value.replace(".", "").replace(" ", "")
    first, last = _ends(bare)
    if not (first or last) or not all(_is_date(one) for one in (first, last) if one):
        raise InvalidKey(
            f"{keyword} is neither a date nor a range of dates.",
            remedy="Write 20240131, 20240101-20240131, 20240101- or -20240131.",
            keyword=keyword,
        )
    if first and last and first > last:
        raise _reversed(keyword)
    return first, last


def time_range(keyword: str, value: str, *, may_be_reversed: bool = False) -> tuple[str, str]:
    """As `date_range`, of times as HHMMSS.FFFFFF or less of it.

    `may_be_reversed`: with a range of dates, of which each has an end of its own.
    """
    bare = value.replace(":", "").replace(" ", "")
    first, last = _ends(bare)
    if not (first or last) or not all(_TIME.fullmatch(one) for one in (first, last) if one):
        raise InvalidKey(
            f"{keyword} is neither a time nor a range of times.",
            remedy="Write 143000, 080000-180000, 080000- or -180000.",
            keyword=keyword,
        )
    length = min(len(first), len(last))
    if length and first[:length] > last[:length] and not may_be_reversed:
        raise _reversed(keyword)
    return first, last


def uids(keyword: str, value: str) -> list[str]:
    """A UID or a list of them. Raises InvalidKey for what cannot be one."""
    found = [uid.strip(" \0") for uid in value.replace(",", "\\").split("\\")]
    found = [uid for uid in found if uid]
    if not all(map(_UID.fullmatch, found)):
        raise InvalidKey(
            f"{keyword} is not a UID.",
            remedy="Write digits and full stops, at most 64; UIDs match without wildcards.",
            keyword=keyword,
        )
    return found


def _ends(value: str) -> tuple[str, str]:
    first, dash, last = value.partition("-")
    return (first, last) if dash else (first, first)


def _is_date(text: str) -> bool:
    if not re.fullmatch("[0-9]{8}", text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def _reversed(keyword: str) -> InvalidKey:
    return InvalidKey(
        f"The range of {keyword} ends before it begins.",
        remedy="Write its earlier end first.",
        keyword=keyword,
    )
