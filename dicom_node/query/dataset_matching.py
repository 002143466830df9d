"""Match a scheduled procedure step against the keys of a query (PS3.4 C.2.2.2 and K.6.1.2.2).

Items and keys are data sets; what a key asks for beyond matching is answered with it.
"""

import re
from collections.abc import Iterable
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_node.query.wildcard import wildcard_matches
from storage.core.errors import InvalidKey
from storage.core.text.normalization import normalized
from storage.index.matching.key_values import date_range, time_range

# They say how keys are to be read and are none themselves.
_NOT_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveLevel"})
_WILDCARD_VRS = frozenset("AE CS LO LT PN SH ST UC UR UT".split())
_RANGE_VRS = frozenset({"DA", "TM", "DT"})
_NUMBER_VRS = frozenset("DS FD FL IS SL SS SV UL US UV".split())
_LONGEST = {"DA": 8, "TM": 6, "DT": 14}
_RANGE = re.compile(r"[0-9.]*(?:-[0-9.]*)?")
_START_DATE = "ScheduledProcedureStepStartDate"
_START_TIME = "ScheduledProcedureStepStartTime"


def matches(item: Dataset, keys: Dataset) -> bool:
    """Whether the item fits every key. Raises InvalidKey for a key that cannot be one."""
    combined = _combined_start(keys)
    if combined is not None and not _start_matches(item, combined):
        return False
    for key in keys:
        if key.keyword in _NOT_KEYS:
            continue
        if combined is not None and key.keyword in (_START_DATE, _START_TIME):
            continue
        if not _element_matches(item, key):
            return False
    return True


def answer(item: Dataset, keys: Dataset) -> Dataset:
    """What the item has of everything that the keys ask for, the rest without a value."""
    response = Dataset()
    for key in keys:
        if key.keyword in _NOT_KEYS:
            continue
        held = item.get(key.tag)
        if key.VR != "SQ":
            value = held.value if held is not None else None
            response.add(DataElement(key.tag, held.VR if held is not None else key.VR, value))
            continue
        wanted = key.value[0] if key.value else None
        held_items = held.value if held is not None and held.VR == "SQ" else []
        # A sequence without items asks for all that is in it (C.2.2.2.6).
        response.add(
            DataElement(
                key.tag,
                "SQ",
                [one if wanted is None or not len(wanted) else answer(one, wanted)
                 for one in held_items
                 if wanted is None or matches(one, wanted)],
            )
        )  # fmt: skip
    return response


def _element_matches(item: Dataset, key: DataElement) -> bool:
    held = item.get(key.tag)
    if key.VR == "SQ":
        if not key.value or not len(key.value[0]) or _is_universal(key.value[0]):
            return True
        held_items = held.value if held is not None and held.VR == "SQ" else []
        return any(matches(one, key.value[0]) for one in held_items)
    wanted = _values(key.value)
    if not any(wanted):
        return True
    if held is None and not key.keyword:
        return True  # a private key, which PS3.4 C.2.2.1.3 lets us leave out
    values = _values(held.value) if held is not None else []
    vr = held.VR if held is not None else key.VR
    if vr in _RANGE_VRS:
        ranges = [_range(vr, key.keyword, one) for one in wanted if one]
        return any(_in_range(vr, value, one) for one in ranges for value in values)
    return any(_value_matches(vr, value, one) for one in wanted for value in values or [""])


def _value_matches(vr: str, value: str, wanted: str) -> bool:
    if vr == "PN":
        return _is_name(value, wanted)
    if vr in _WILDCARD_VRS:
        return wildcard_matches(wanted, value)
    if vr in _NUMBER_VRS:
        return _is_same_number(value, wanted)
    return value == wanted


def _is_name(value: str, wanted: str) -> bool:
    """Without regard to case. A group suffices: any one, or those that the key has after its
    first, where that is empty."""
    if not wanted.startswith("="):
        return any(
            wildcard_matches(_folded(wanted), _folded(one)) for one in (value, *value.split("="))
        )
    groups = [*value.split("="), "", ""]
    return all(
        wildcard_matches(_folded(one), _folded(group))
        for one, group in zip(wanted.split("="), groups, strict=False)
        if one
    )


def _is_same_number(value: str, wanted: str) -> bool:
    """1.50 is 1.5, however either is written."""
    try:
        return float(value) == float(wanted)
    except ValueError:
        return False


def _in_range(vr: str, value: str, ends: tuple[str, str]) -> bool:
    first, last = ends
    if not value:
        return False
    return (not first or _low(vr, value) >= _low(vr, first)) and (
        not last or _low(vr, value) <= _high(vr, last)
    )


def _range(vr: str, keyword: str, wanted: str) -> tuple[str, str]:
    """Both ends of a range; a single value is a range of its own precision. Raises InvalidKey."""
    if vr == "DA":
        return date_range(keyword, wanted)
    if vr == "TM":
        return time_range(keyword, wanted)
    wanted = wanted.replace(":", "").strip()
    if not _RANGE.fullmatch(wanted) or not any(map(str.isdigit, wanted)):
        raise InvalidKey(
            f"{keyword} is neither a date with a time nor a range of them.",
            remedy="Write 20240131083000, 20240101-20240131 or the like.",
            keyword=keyword,
        )
    first, dash, last = wanted.partition("-")
    return (first, last) if dash else (first, first)


def _low(vr: str, value: str) -> str:
    """The earliest moment that a value of less precision stands for, as a sortable text."""
    whole, _, fraction = value.replace(":", "").partition(".")
    if vr == "DA":
        return (whole + fraction).ljust(8, "0")
    return whole.ljust(_LONGEST[vr], "0") + fraction.ljust(6, "0")


def _high(vr: str, value: str) -> str:
    whole, _, fraction = value.replace(":", "").partition(".")
    if vr == "DA":
        return (whole + fraction).ljust(8, "9")
    return whole.ljust(_LONGEST[vr], "9") + fraction.ljust(6, "9")


def _combined_start(keys: Dataset) -> tuple[str, str] | None:
    """Start date and time that are both ranges mean one period (PS3.4 K.6.1.2.2, Table K.6-1)."""
    date, time = (_text(keys.get(keyword)) for keyword in (_START_DATE, _START_TIME))
    if "-" not in date or "-" not in time:
        return None
    first_date, last_date = date_range(_START_DATE, date)
    first_time, last_time = time_range(_START_TIME, time, may_be_reversed=True)
    first = _low("DA", first_date) + _low("TM", first_time) if first_date else ""
    last = _high("DA", last_date) + _high("TM", last_time) if last_date else ""
    return first, last


def _start_matches(item: Dataset, period: tuple[str, str]) -> bool:
    date, time = (_text(item.get(keyword)) for keyword in (_START_DATE, _START_TIME))
    if not date:
        return False
    start = _low("DA", date) + _low("TM", time)
    first, last = period
    return (not first or start >= first) and (not last or start <= last)


def _is_universal(keys: Dataset) -> bool:
    """Whether no key within has a value to match."""
    for key in keys:
        if key.VR == "SQ":
            if key.value and not _is_universal(key.value[0]):
                return False
        elif any(_values(key.value)):
            return False
    return True


def _values(value: Any) -> list[str]:
    values: Iterable[Any] = value if isinstance(value, (MultiValue, list)) else [value]
    return [_text(one) for one in values]


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _folded(name: str) -> str:
    """Case and trailing empty components do not count (PS3.5 6.2.1)."""
    return normalized("NFC", name).casefold().rstrip("^= ")
