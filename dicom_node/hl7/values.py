"""Fields of HL7 v2 as values of DICOM."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pydicom.config
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import validate_value

from dicom_node.hl7.reading import Message, Refused

# Between components and groups of a name in DICOM; within one, a name cannot have them.
_MARKS_OF_NAMES = str.maketrans("^=", "  ")


def person_name(message: Message, place: str, first: int = 1) -> str:
    """XPN to PN: HL7 has the suffix before the prefix (PS3.5 6.2.1). `first`: the number of the
    component that has the family name; in XCN the second one."""
    parts = (message.field(place, first + part) for part in range(5))
    family, given, middle, suffix, prefix = (one.translate(_MARKS_OF_NAMES) for one in parts)
    return "^".join((family, given, middle, prefix, suffix)).rstrip("^")


_NOT_TO_THE_DAY = re.compile(r"\d{4}(\d\d)?|\d{4}(00\d\d|\d\d00)")


def birth_date(message: Message) -> str:
    """PID-7 without its time. Empty, too, where it is not known to the day (1970, 19700500): DA has
    no such dates (PS3.5 6.2)."""
    stated = message.field("PID-7")[:8]
    return "" if _NOT_TO_THE_DAY.fullmatch(stated) else stated


def patient_of(message: Message) -> dict[str, str]:
    """What distinguishes orders of two patients, as it stands; empty where it is not stated."""
    return {
        "PatientID": message.field("PID-3"),
        "PatientBirthDate": birth_date(message),
        "PatientName": person_name(message, "PID-5"),
    }


_TIME = re.compile(r"(\d{8})(\d{0,6})(?:\.\d+)?([+-]\d{4})?")
_EARLIEST, _LATEST = "000000", "235959"


def event_time(message: Message, *, earliest: bool = False) -> datetime | None:
    """When the event was recorded (EVN-2), else when the message was made (MSH-7), which is all
    that an order has.

    Without a zone it is the node's own (HL7 2.A.77); of a time that is not stated to the second
    the latest is meant, or the `earliest`. None: neither can be read.
    """
    for place in ("EVN-2", "MSH-7"):
        found = _TIME.fullmatch(message.field(place))
        if found is None:
            continue
        day, time, zone = found.groups(default="")
        try:
            rest = (_EARLIEST if earliest else _LATEST)[len(time) :]
            stated = f"{day}{time}{rest}{zone}"
            return datetime.strptime(stated, f"%Y%m%d%H%M%S{'%z' if zone else ''}").astimezone()
        except (ValueError, OverflowError):
            continue
    return None


_FIELD = re.compile(r"[A-Z0-9]{3}-\d+")


def checked(
    values: Mapping[str, Any], places: Mapping[str, str], message: Message
) -> dict[str, Any]:
    """The values that are there, each as its VR allows.

    Raises Refused naming the attribute, and the fields of the message that it may come from, which
    `places` has; the first of them that has a value is its location.
    """
    kept: dict[str, Any] = {}
    for keyword, value in values.items():
        if isinstance(value, list):
            kept[keyword] = [checked(item, places, message) for item in value]
            continue
        if not value:
            continue
        vr = dictionary_VR(keyword)
        text = " ".join(value.split()) if vr in ("LO", "SH", "PN", "CS", "AE") else value
        try:
            if "\\" in text:
                raise ValueError("a backslash makes two values of one")
            validate_value(vr, text, pydicom.config.RAISE)
        except ValueError as error:
            fields = places[keyword]
            named = _FIELD.findall(fields)
            raise Refused(
                "AE",
                "102",
                f"What stands for {keyword} ({fields}) does not fit DICOM's {vr}.",
                next((one for one in named if message.field(one)), named[0]),
            ) from error
        kept[keyword] = text
    return kept
