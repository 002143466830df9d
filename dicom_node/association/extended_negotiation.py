"""SOP Class Extended Negotiation of the query and retrieve classes (PS3.4 C.5.1.1.1, C.5.2.1.1).

A peer says what it would like; the node answers what it does. Only what both stated is in
force, but for relational keys: a request that leaves out the keys of the levels above is
answered whatever was negotiated, as it cannot be meant otherwise.
"""

from dataclasses import dataclass

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import FIND_CLASSES, GET_CLASSES, MOVE_CLASSES

# Bytes of the Service Class Application Information: relational queries, combined date
# and time, fuzzy person names, timezone adjustment, enhanced multi-frame conversion.
_OFFERED_BY_FIND = (1, 1, 1, 0, 0)
# Relational retrieval, enhanced multi-frame conversion.
_OFFERED_BY_RETRIEVE = (1, 0)


@dataclass(frozen=True)
class QueryOptions:
    """What is in force for the C-FIND requests of one SOP class."""

    relational: bool = False
    combined_datetime: bool = False
    fuzzy: bool = False


def answer_extended(asked: dict[str, bytes]) -> dict[str, bytes]:
    """The node's items for those of a request, as many bytes each as the peer sent."""
    answers: dict[str, bytes] = {}
    offered: tuple[int, ...]
    for sop_class_uid, wanted in asked.items():
        uid = str(sop_class_uid)
        if uid in FIND_CLASSES:
            offered = _OFFERED_BY_FIND
        elif uid in MOVE_CLASSES | GET_CLASSES:
            offered = _OFFERED_BY_RETRIEVE
        else:
            continue
        both = zip(wanted, offered, strict=False)
        answers[uid] = bytes(want & offer for want, offer in both)
    return answers


def query_options(association: NodeAssociation, sop_class_uid: str) -> QueryOptions:
    """What both sides have stated on this association."""
    asked = {str(uid): info for uid, info in association.requestor.sop_class_extended.items()}
    flags = answer_extended(asked).get(sop_class_uid, b"") + bytes(3)
    return QueryOptions(*(bool(flag) for flag in flags[:3]))
