"""What is answered to messages that are not taken for what their header says."""

import re
from collections.abc import Collection

from dicom_node.hl7.links import TRIGGERS as LINK_TRIGGERS
from dicom_node.hl7.orders import KINDS
from dicom_node.hl7.patients import OF_VISITS, TRIGGERS
from dicom_node.hl7.reading import Header, Refused

_EVENT = re.compile(r"[A-Z]\d\d")
_VERSION = re.compile(r"2(\.[0-9]{1,2}){0,2}")
_PROCESSING_ID = re.compile(r"[A-Z]")
_TYPES = {"ADT"} | {message_type for message_type, _ in KINDS}


def not_taken(header: Header) -> Refused:
    """Of a type or of an event that is not taken (HL7 table 0357), by its name."""
    taken = (
        f"Taken are {', '.join(' '.join(kind) for kind in sorted(KINDS, reverse=True))} and ADT"
        f" ({', '.join(sorted(TRIGGERS | LINK_TRIGGERS | OF_VISITS))})."
    )
    message_type, event = header.message_type, header.trigger_event
    if message_type not in _TYPES:
        return Refused("AR", "200", f"The type of message is not taken here. {taken}", "MSH-9")
    # With a space: a caret would be escaped. What is no event may be anything, also a name.
    name = f"{message_type} {event}" if _EVENT.fullmatch(event) else f"This event of {message_type}"
    return Refused("AR", "201", f"{name} is not taken here. {taken}", "MSH-9^1^2")


def check_meant_for_us(header: Header, processing_ids: Collection[str]) -> None:
    """Raises Refused for another version than 2.x, and for what is no production (table 0103).

    A test system that reaches this node by mistake must change no patient and no worklist.
    """
    if _VERSION.fullmatch(header.version) is None:
        raise Refused("AR", "203", "MSH-12 names no version of HL7 v2, such as 2.5.1.", "MSH-12")
    if header.processing_id not in processing_ids:
        stated = header.processing_id
        name = f"The processing id {stated}" if _PROCESSING_ID.fullmatch(stated) else "MSH-11"
        raise Refused(
            "AR",
            "202",
            f"{name} is not taken here. Taken is {', '.join(processing_ids)}"
            " (MEDIVIEW_HL7_PROCESSING_IDS).",
            "MSH-11",
        )
