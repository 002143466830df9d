"""What is answered to messages whose kind is not taken."""

import re

from dicom_node.hl7.orders import KINDS
from dicom_node.hl7.patients import OF_VISITS, TRIGGERS
from dicom_node.hl7.reading import Header, Refused

_EVENT = re.compile(r"[A-Z]\d\d")
_TYPES = {"ADT"} | {message_type for message_type, _ in KINDS}
_LINKS = {
    "A24": "links two patients of whom both stay, and this node keeps no links. Only ADT A40 makes"
    " one patient of two.",
    "A37": "takes a link between two patients back, and this node keeps no links.",
}


def not_taken(header: Header) -> Refused:
    """Of a type or of an event that is not taken (HL7 table 0357), by its name."""
    taken = (
        f"Taken are {', '.join(' '.join(kind) for kind in sorted(KINDS, reverse=True))} and ADT"
        f" ({', '.join(sorted(TRIGGERS | OF_VISITS))})."
    )
    message_type, event = header.message_type, header.trigger_event
    if message_type not in _TYPES:
        return Refused("AR", "200", f"The type of message is not taken here. {taken}", "MSH-9")
    # With a space: a caret would be escaped. What is no event may be anything, also a name.
    name = f"{message_type} {event}" if _EVENT.fullmatch(event) else f"This event of {message_type}"
    why = _LINKS.get(event) if message_type == "ADT" else None
    return Refused("AR", "201", f"{name} {why or f'is not taken here. {taken}'}", "MSH-9^1^2")
