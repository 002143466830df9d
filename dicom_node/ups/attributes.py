"""A data set in DICOM JSON (PS3.18 F) as it came, checked element by element: nothing in it is
trusted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.valuerep import VR

from dicom_node.ups.values import check_value, expected, place_of, printable
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import check_bounded
from storage.ups.dicom_json import JsonAttributes
from storage.ups.limits import MOST_BYTES

MOST_ELEMENTS = 50_000
"""More than the references to 8,000 instances are, which are a megabyte."""
_MAX_DEPTH = 16
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_VRS = frozenset(str(vr.value) for vr in VR if len(vr.value) == 2)


def read_attributes(dataset: Dataset) -> JsonAttributes:
    """The data set of a request as workitems are kept, within the bounds of UPS-RS.

    Raises InvalidRequest, LimitExceeded.
    """
    try:
        decoded = dataset.to_json_dict()
    except Exception as error:
        # pydicom raises whatever a peer's values make it raise.
        raise InvalidRequest("A value is not of its value representation.") from error
    check_bounded(decoded, MOST_ELEMENTS)
    attributes = checked_attributes(decoded)
    if len(json.dumps(attributes, ensure_ascii=False).encode()) > MOST_BYTES:
        raise LimitExceeded("The data set of a workitem has more than 1 MiB.")
    return attributes


def checked_attributes(
    decoded: Mapping[str, Any], depth: int = 0, within: str = ""
) -> JsonAttributes:
    """The data set that a decoded object is. `within`: the sequences around it, as `place_of`
    writes them.

    Raises InvalidRequest.
    """
    if depth > _MAX_DEPTH:
        raise invalid(f"Sequences lie more than {_MAX_DEPTH} deep in each other")
    checked: JsonAttributes = {}
    for name, element in decoded.items():
        if not _TAG.fullmatch(name):
            raise invalid(
                f"The member '{printable(name)}' of the data set is not a tag",
                "Write tags as eight hexadecimal digits, such as 00741204.",
            )
        tag = name.upper()
        place = within + place_of(tag)
        if not isinstance(element, dict):
            raise invalid(f"{place} is not an object", 'Write {"vr": …, "Value": […]}.')
        vr = element.get("vr") or _usual_vr(tag)
        if not isinstance(vr, str) or vr not in _VRS:
            stated = f"'{printable(str(element['vr']))}'" if element.get("vr") else "none"
            usual = _usual_vr(tag)
            raise invalid(
                f"The value representation of {place} is {stated}",
                f"Set 'vr' to {usual}." if usual in _VRS else "Set 'vr' to one of PS3.5 6.2.",
            )
        if tag.startswith(("0000", "0002")) or element.keys() & {"BulkDataURI", "InlineBinary"}:
            raise invalid(f"{place} has no place in a workitem, or refers to bulk data")
        values = element.get("Value", [])
        if not isinstance(values, list):
            raise invalid(f"The values of {place} are no list", 'Write "Value": [value, …].')
        checked[tag] = _element(tag, vr, values, depth, place)
    return dict(sorted(checked.items()))


def _element(tag: str, vr: str, values: list[Any], depth: int, place: str) -> dict[str, Any]:
    if vr == "SQ":
        if not all(isinstance(item, dict) for item in values):
            raise invalid(f"The sequence {place} holds something that is not an item")
        kept: list[Any] = [
            checked_attributes(item, depth + 1, f"{place}[{number}].")
            for number, item in enumerate(values, start=1)
        ]
    else:
        kept = [_scalar(vr, value, place) for value in values]
        check_value(tag, vr, kept, place)
    return {"vr": vr, "Value": kept} if kept else {"vr": vr}


def _scalar(vr: str, value: Any, place: str) -> Any:
    if vr == "PN":
        groups = value if isinstance(value, dict) else {"Alphabetic": value}
        if all(
            name in ("Alphabetic", "Ideographic", "Phonetic") and _is_text(group)
            for name, group in groups.items()
        ):
            return groups
    elif value is None or isinstance(value, bool | int | float):
        if not isinstance(value, bool):
            return value
    elif _is_text(value):
        return value
    raise invalid(f"A value of {place} is not a value of VR {vr}", f"Give {expected(vr)}.")


def _is_text(value: Any) -> bool:
    """Text that a database keeps and an answer can carry: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _usual_vr(tag: str) -> str:
    try:
        return dictionary_VR(int(tag, 16))
    except KeyError:
        return ""


def invalid(what: str, remedy: str = "") -> InvalidRequest:
    return InvalidRequest(
        f"{what}.",
        remedy=remedy or "Send one data set in DICOM JSON (PS3.18 annex F), values of it in full.",
    )
