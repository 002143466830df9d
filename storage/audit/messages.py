"""An event as the audit message of PS3.15 A.5, in the XML of its schema (A.5.1)."""

import base64
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from storage.audit.code_meanings import MEANINGS
from storage.audit.events import AuditRecord, Code

_IP_ADDRESS, _MACHINE_NAME, _URI = "2", "1", "5"
# ParticipantObjectTypeCode and its role (PS3.15 Table A.5.2-1).
_PERSON, _SYSTEM_OBJECT = "1", "2"
_ROLE_PATIENT, _ROLE_REPORT, _ROLE_SECURITY_RESOURCE, _ROLE_QUERY = "1", "3", "13", "24"
_LIFE_CYCLE_OF_ACTION = {"C": "1", "D": "14"}
# Who asked, and who answered: which of them is source and which destination of what moved.
_DESTINATION, _SOURCE = "110152", "110153"
_LEGAL_CONTROLS = "\t\n\r"
_TRANSFERS = frozenset({Code.BEGIN_TRANSFER, Code.INSTANCES_TRANSFERRED})
_SHOWN_APART = frozenset({"query", "query_uid", "sop_classes", "toward", "other"})


@dataclass(frozen=True)
class AuditSource:
    """Who writes the messages."""

    source_id: str
    site_id: str
    ae_title: str
    host: str = socket.gethostname()


def meaning(code: str) -> str:
    """The meaning that the standard gives a code of DCM."""
    return MEANINGS.get(code, code)


def audit_message(record: AuditRecord, source: AuditSource) -> bytes:
    """UTF-8, on one line, without an XML declaration."""
    message = ET.Element("AuditMessage")
    _event(message, record)
    _participants(message, record, source)
    identified = ET.SubElement(message, "AuditSourceIdentification")
    if source.site_id:
        identified.set("AuditEnterpriseSiteID", source.site_id)
    identified.set("AuditSourceID", source.source_id)
    ET.SubElement(
        identified,
        "AuditSourceTypeCode",
        {"csd-code": "4", "codeSystemName": "DCM", "originalText": "Application Server Process"},
    )
    _objects(message, record, source)
    for element in message.iter():
        for name, value in element.attrib.items():
            element.set(name, _legal(value))
        if element.text:
            element.text = _legal(element.text)
    encoded: bytes = ET.tostring(message, encoding="utf-8")
    return encoded.replace(b"\n", b" ")


def _event(message: ET.Element, record: AuditRecord) -> None:
    event = ET.SubElement(
        message,
        "EventIdentification",
        {
            "EventActionCode": record.action,
            "EventDateTime": record.at.isoformat(timespec="milliseconds"),
            "EventOutcomeIndicator": str(record.outcome),
        },
    )
    _coded(event, "EventID", record.code)
    if record.type_code:
        _coded(event, "EventTypeCode", record.type_code)
    reason = record.detail.get("reason")
    if record.outcome and isinstance(reason, str):
        ET.SubElement(event, "EventOutcomeDescription").text = reason


def _participants(message: ET.Element, record: AuditRecord, source: AuditSource) -> None:
    """Who asked, then the node, then all others who took part."""
    toward = str(record.detail.get("toward", ""))
    if record.actor_kind != "node":
        actor = _participant(message, record.actor_name or record.actor_kind, requestor=True)
        if record.actor_name and record.actor_kind != "peer":
            actor.set("UserName", record.actor_name)
            actor.set("AlternativeUserID", record.actor_id or record.actor_kind)
        if record.actor_address:
            actor.set("NetworkAccessPointID", record.actor_address)
            actor.set("NetworkAccessPointTypeCode", _IP_ADDRESS)
        if role := {"node": _SOURCE, "actor": _DESTINATION}.get(toward):
            _coded(actor, "RoleIDCode", role)
        if record.code == Code.APPLICATION_ACTIVITY:
            _coded(actor, "RoleIDCode", "110151")
    node = _participant(message, source.ae_title, requestor=record.actor_kind == "node")
    node.set("AlternativeUserID", record.process)
    node.set("NetworkAccessPointID", source.host)
    node.set("NetworkAccessPointTypeCode", _MACHINE_NAME)
    if role := {"node": _DESTINATION, "actor": _SOURCE, "other": _SOURCE}.get(toward):
        _coded(node, "RoleIDCode", role)
    if record.code == Code.APPLICATION_ACTIVITY:
        _coded(node, "RoleIDCode", "110150")
    other = record.detail.get("other")
    if isinstance(other, Mapping):
        third = _participant(message, str(other.get("name", "")), requestor=False)
        if address := str(other.get("address", "")):
            third.set("NetworkAccessPointID", address)
            third.set("NetworkAccessPointTypeCode", _URI if "://" in address else _IP_ADDRESS)
        if toward == "other":
            _coded(third, "RoleIDCode", _DESTINATION)


def _objects(message: ET.Element, record: AuditRecord, source: AuditSource) -> None:
    for study_instance_uid in record.study_instance_uids:
        study = _object(message, study_instance_uid, _SYSTEM_OBJECT, _ROLE_REPORT)
        if life_cycle := _LIFE_CYCLE_OF_ACTION.get(record.action):
            study.set("ParticipantObjectDataLifeCycle", life_cycle)
        _coded(study, "ParticipantObjectIDTypeCode", "110180")
        ET.SubElement(study, "ParticipantObjectName").text = study_instance_uid
        _details(study, record)
        _sop_classes(study, record.detail.get("sop_classes"), study_instance_uid)
    for patient_id in record.patient_ids:
        patient = _object(message, patient_id, _PERSON, _ROLE_PATIENT)
        ET.SubElement(
            patient,
            "ParticipantObjectIDTypeCode",
            {"csd-code": "2", "codeSystemName": "RFC-3881", "originalText": "Patient Number"},
        )
        ET.SubElement(patient, "ParticipantObjectName").text = patient_id
    if record.code == Code.QUERY:
        _query(message, record)
    elif not record.study_instance_uids and (record.detail or record.request_id):
        what = str(record.detail.get("what") or record.detail.get("route") or source.ae_title)
        thing = _object(message, what, _SYSTEM_OBJECT, _ROLE_SECURITY_RESOURCE)
        _coded(thing, "ParticipantObjectIDTypeCode", "110182")
        ET.SubElement(thing, "ParticipantObjectName").text = what
        _details(thing, record)


def _query(message: ET.Element, record: AuditRecord) -> None:
    """What was asked, in base64: a data set with its transfer syntax, or a query string."""
    detail = record.detail
    query = _object(message, str(detail.get("query_uid", "QIDO-RS")), _SYSTEM_OBJECT, _ROLE_QUERY)
    _coded(query, "ParticipantObjectIDTypeCode", "110181")
    ET.SubElement(query, "ParticipantObjectQuery").text = str(detail.get("query", ""))
    _details(query, record)


def _sop_classes(parent: ET.Element, counts: Any, study_instance_uid: str) -> None:
    if not isinstance(counts, Mapping):
        return
    described = ET.SubElement(parent, "ParticipantObjectDescription")
    for sop_class_uid, count in sorted(counts.items()):
        ET.SubElement(
            described, "SOPClass", {"UID": sop_class_uid, "NumberOfInstances": str(count)}
        )
    contains = ET.SubElement(described, "ParticipantObjectContainsStudy")
    ET.SubElement(contains, "StudyIDs", {"UID": study_instance_uid})


def _details(parent: ET.Element, record: AuditRecord) -> None:
    details = {name: value for name, value in record.detail.items() if name not in _SHOWN_APART}
    if record.request_id:
        details["request_id"] = record.request_id
    if record.occurrences > 1:
        details["occurrences"] = record.occurrences
    for name, value in sorted(details.items()):
        encoded = base64.b64encode(_legal(str(value)).encode()).decode()
        ET.SubElement(parent, "ParticipantObjectDetail", {"type": name, "value": encoded})


def _participant(message: ET.Element, user_id: str, *, requestor: bool) -> ET.Element:
    return ET.SubElement(
        message,
        "ActiveParticipant",
        {"UserID": user_id, "UserIsRequestor": "true" if requestor else "false"},
    )


def _object(message: ET.Element, object_id: str, type_code: str, role: str) -> ET.Element:
    return ET.SubElement(
        message,
        "ParticipantObjectIdentification",
        {
            "ParticipantObjectID": object_id,
            "ParticipantObjectTypeCode": type_code,
            "ParticipantObjectTypeCodeRole": role,
        },
    )


def _coded(parent: ET.Element, name: str, code: str) -> None:
    ET.SubElement(
        parent,
        name,
        {"csd-code": code, "codeSystemName": "DCM", "originalText": meaning(code)},
    )


def _legal(text: str) -> str:
    """Without what XML 1.0 cannot carry at all (2.2)."""
    return "".join(
        character
        for character in text
        if character in _LEGAL_CONTROLS
        or (character >= " " and not "\ud800" <= character <= "\udfff" and character < "\ufffe")
        or character > "\uffff"
    )
