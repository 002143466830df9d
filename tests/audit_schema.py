"""The structure that PS3.15 A.5.1 gives audit messages, as checks of our own.

Every element is listed with its attributes and its children, in the order in
which the schema wants them; whatever is not listed is refused.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree as ET

Check = Callable[[str], bool]


def _one_of(*values: str) -> Check:
    return frozenset(values).__contains__


def _any(_: str) -> bool:
    return True


def _uid(text: str) -> bool:
    return re.fullmatch(r"[0-2]((\.0)|(\.[1-9][0-9]*))*", text) is not None


def _base64(text: str) -> bool:
    base64.b64decode(text, validate=True)
    return True


def _date_time(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


@dataclass(frozen=True)
class Element:
    """`children`: name, least and greatest number, in order. `!` marks what must be there."""

    attributes: Mapping[str, Check] = field(default_factory=dict)
    children: tuple[tuple[str, int, int | None], ...] = ()
    text: Check | None = None


_CODED = Element(
    {"csd-code!": _any, "codeSystemName!": _any, "displayName": _any, "originalText!": _any}
)
_TOKEN = Element(text=_any)
SCHEMA: dict[str, Element] = {
    "AuditMessage": Element(
        children=(
            ("EventIdentification", 1, 1),
            ("ActiveParticipant", 1, None),
            ("AuditSourceIdentification", 1, 1),
            ("ParticipantObjectIdentification", 0, None),
        )
    ),
    "EventIdentification": Element(
        {
            "EventActionCode": _one_of(*"CRUDE"),
            "EventDateTime!": _date_time,
            "EventOutcomeIndicator!": _one_of("0", "4", "8", "12"),
        },
        (("EventID", 1, 1), ("EventTypeCode", 0, None), ("EventOutcomeDescription", 0, 1)),
    ),
    "EventID": _CODED,
    "EventTypeCode": _CODED,
    "EventOutcomeDescription": _TOKEN,
    "ActiveParticipant": Element(
        {
            "UserID!": _any,
            "AlternativeUserID": _any,
            "UserName": _any,
            "UserIsRequestor!": _one_of("true", "false"),
            "NetworkAccessPointID": _any,
            "NetworkAccessPointTypeCode": _one_of("1", "2", "3", "4", "5"),
        },
        (("RoleIDCode", 0, None),),
    ),
    "RoleIDCode": _CODED,
    "AuditSourceIdentification": Element(
        {"AuditEnterpriseSiteID": _any, "AuditSourceID!": _any},
        (("AuditSourceTypeCode", 0, None),),
    ),
    "AuditSourceTypeCode": Element(
        {"csd-code!": _any, "codeSystemName": _any, "displayName": _any, "originalText": _any}
    ),
    "ParticipantObjectIdentification": Element(
        {
            "ParticipantObjectID!": lambda text: text != "",
            "ParticipantObjectTypeCode": _one_of("1", "2", "3", "4"),
            "ParticipantObjectTypeCodeRole": _one_of(*(str(number) for number in range(1, 27))),
            "ParticipantObjectDataLifeCycle": _one_of(*(str(number) for number in range(1, 16))),
            "ParticipantObjectSensitivity": _any,
        },
        (
            ("ParticipantObjectIDTypeCode", 1, 1),
            # One of the two; checked below.
            ("ParticipantObjectName", 0, 1),
            ("ParticipantObjectQuery", 0, 1),
            ("ParticipantObjectDetail", 0, None),
            ("ParticipantObjectDescription", 0, None),
        ),
    ),
    "ParticipantObjectIDTypeCode": _CODED,
    "ParticipantObjectName": _TOKEN,
    "ParticipantObjectQuery": Element(text=_base64),
    "ParticipantObjectDetail": Element({"type!": _any, "value!": _base64}),
    "ParticipantObjectDescription": Element(
        children=(
            ("MPPS", 0, None),
            ("Accession", 0, None),
            ("SOPClass", 0, None),
            ("ParticipantObjectContainsStudy", 0, 1),
            ("Encrypted", 0, 1),
            ("Anonymized", 0, 1),
        )
    ),
    "SOPClass": Element({"UID": _uid, "NumberOfInstances!": str.isdigit}),
    "ParticipantObjectContainsStudy": Element(children=(("StudyIDs", 0, None),)),
    "StudyIDs": Element({"UID!": _uid}),
}


def check_message(message: bytes) -> ET.Element:
    """The message, parsed; AssertionError names what does not fit the schema."""
    root = ET.fromstring(message)
    assert root.tag == "AuditMessage"
    _check(root)
    return root


def _check(element: ET.Element) -> None:
    rule = SCHEMA[element.tag]
    known = {name.rstrip("!"): check for name, check in rule.attributes.items()}
    for name, value in element.attrib.items():
        assert name in known, f"{element.tag} has no attribute {name}"
        assert known[name](value), f"{element.tag} has {name}={value!r}"
    for name in rule.attributes:
        assert not name.endswith("!") or name[:-1] in element.attrib, f"{element.tag} lacks {name}"
    if rule.text is None:
        assert not (element.text or "").strip(), f"{element.tag} has text"
    else:
        assert rule.text(element.text or ""), f"{element.tag} has {element.text!r}"
    order = [name for name, _, _ in rule.children]
    tags = [child.tag for child in element]
    assert set(tags) <= set(order), f"{element.tag} holds {tags}"
    assert tags == sorted(tags, key=order.index), f"{element.tag} holds {tags} in another order"
    for name, least, most in rule.children:
        assert least <= tags.count(name) <= (most or len(tags)), f"{element.tag} holds {tags}"
    if element.tag == "ParticipantObjectIdentification":
        stated = tags.count("ParticipantObjectName") + tags.count("ParticipantObjectQuery")
        assert stated == 1, "an object has a name or a query"
    for child in element:
        _check(child)
