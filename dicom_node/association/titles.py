"""AE titles as a request for an association states them (PS3.8 9.3.2).

Of an AE title blanks at its ends alone are insignificant, and control characters are none of its
characters (PS3.5 6.2): pynetdicom leaves out tabs and line ends, too, so that a title with them
would be another peer's.
"""

import re

import structlog

log = structlog.get_logger(__name__)

_CALLED, _CALLING = slice(10, 26), slice(26, 42)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def refused_title(request_pdu: bytes) -> tuple[int, int, int] | None:
    """The A-ASSOCIATE-RJ (PS3.8 Table 9-21) where a title is none; not recognized, then."""
    for place, reason in ((_CALLING, 0x03), (_CALLED, 0x07)):
        if _CONTROL.search(request_pdu[place]):
            log.warning("association_rejected", reason="ae_title_with_control_characters")
            return 0x01, 0x01, reason
    return None
