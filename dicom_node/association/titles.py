"""Requests for an association that nobody could serve: by their titles, application and syntaxes.

AE titles are as the request states them (PS3.8 9.3.2).

Of an AE title blanks at its ends alone are insignificant, and control characters are none of its
characters (PS3.5 6.2): pynetdicom leaves out tabs and line ends, too, so that a title with them
would be another peer's.
"""

import re

import structlog
from pynetdicom.pdu_primitives import A_ASSOCIATE

log = structlog.get_logger(__name__)

_CALLED, _CALLING = slice(10, 26), slice(26, 42)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


_DICOM_APPLICATION = "1.2.840.10008.3.1.1.1"


def refused_application(request: A_ASSOCIATE) -> tuple[int, int, int] | None:
    """The A-ASSOCIATE-RJ where what is proposed is no application of DICOM (PS3.7 Annex A.2.1):
    its name is not supported; or a presentation context proposes no syntax: no reason, then."""
    if str(request.application_context_name) != _DICOM_APPLICATION:
        log.warning("association_rejected", reason="application_context_name")
        return 0x01, 0x01, 0x02
    contexts = request.presentation_context_definition_list
    if not all(context.abstract_syntax and context.transfer_syntax for context in contexts):
        log.warning("association_rejected", reason="presentation_context_without_syntax")
        return 0x01, 0x01, 0x01
    return None


def refused_title(request_pdu: bytes) -> tuple[int, int, int] | None:
    """The A-ASSOCIATE-RJ (PS3.8 Table 9-21) where a title is none; not recognized, then."""
    for place, reason in ((_CALLING, 0x03), (_CALLED, 0x07)):
        if _CONTROL.search(request_pdu[place]):
            log.warning("association_rejected", reason="ae_title_with_control_characters")
            return 0x01, 0x01, reason
    return None
