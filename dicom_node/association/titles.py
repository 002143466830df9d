"""Requests for an association that nobody could serve: by version, titles, application, syntaxes.

AE titles are as the request states them (PS3.8 9.3.2).

Of an AE title blanks at its ends alone are insignificant, and control characters are none of its
characters (PS3.5 6.2): pynetdicom leaves out tabs and line ends, too, so that a title with them
would be another peer's.
"""

import re
from typing import NamedTuple

from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node.network.associate_request import states_known_version

Rejection = tuple[int, int, int]
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""


class Refused(NamedTuple):
    rejection: Rejection
    reason: str
    """For the log."""


_CALLED, _CALLING = slice(10, 26), slice(26, 42)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_DICOM_APPLICATION = "1.2.840.10008.3.1.1.1"


def refused_application(request: A_ASSOCIATE) -> Refused | None:
    """Where what is proposed is no application of DICOM (PS3.7 Annex A.2.1): its name is not
    supported; or a presentation context proposes no syntax: no reason, then."""
    if str(request.application_context_name) != _DICOM_APPLICATION:
        return Refused((0x01, 0x01, 0x02), "application_context_name")
    contexts = request.presentation_context_definition_list
    if not all(context.abstract_syntax and context.transfer_syntax for context in contexts):
        return Refused((0x01, 0x01, 0x01), "presentation_context_without_syntax")
    return None


def refused_before(request_pdu: bytes) -> Refused | None:
    """Where the protocol is another version, or a title is none: not recognized, then."""
    if not states_known_version(request_pdu):
        return Refused((0x01, 0x02, 0x02), "protocol_version")
    for place, reason in ((_CALLING, 0x03), (_CALLED, 0x07)):
        if _CONTROL.search(request_pdu[place]):
            return Refused((0x01, 0x01, reason), "ae_title_with_control_characters")
    return None
