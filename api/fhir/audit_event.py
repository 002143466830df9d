"""The audit trail as AuditEvent (hl7.org/fhir/R4/auditevent.html), which models PS3.15 A.5."""

import json
from dataclasses import replace

from api.errors import ApiProblem
from api.fhir.resources import (
    AuditEvent,
    AuditEventAgent,
    AuditEventDetail,
    AuditEventEntity,
    AuditEventNetwork,
    AuditEventSource,
)
from api.fhir.search.parameters import SearchParameters, bare_uid, read_span
from api.fhir.search.references import read_reference
from api.fhir.search.tokens import read_token
from inference.fhir.subject import patient_system
from inference.fhir.types import (
    DCM,
    OWN,
    Coding,
    Identifier,
    Reference,
    meta,
    plain,
    some,
    uid_identifier,
)
from storage.audit import AuditRecord, Code, Type
from storage.audit.query import AuditFilter

_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
# hl7.org/fhir/R4/valueset-audit-event-outcome.html
_OUTCOME_SYSTEM = "http://terminology.hl7.org/CodeSystem/audit-event-outcome"
_OUTCOMES = ("0", "4", "8", "12")
_DISPLAY = {one.value: one.name.replace("_", " ").capitalize() for one in (*Code, *Type)}
PARAMETERS = {
    "date": "",
    "agent-name": "",
    "type": "",
    "outcome": "",
    "entity": "",
    "patient:identifier": "",
    "patient.identifier": "",
    "patient": "",
}
SORTS = ("date",)


def audit_filter(asked: SearchParameters) -> AuditFilter | None:
    """Each parameter once and with one value: the trail is asked in these words alone.

    None: what was asked for fits no event, being of another system or server.
    """
    wanted = AuditFilter()
    for name, values in asked.given:
        if len(values) != 1:
            raise _refused(f"'{name}' takes one value here.")
        narrowed = _narrowed(wanted, name, values[0])
        if narrowed is None:
            return None
        wanted = narrowed
    return wanted


def _narrowed(wanted: AuditFilter, name: str, value: str) -> AuditFilter | None:
    if name == "date":
        return _within(wanted, value)
    if name == "agent-name":
        return replace(wanted, actor=value)
    if name == "type":
        code = _code_of(name, value, DCM)
        return None if code is None else replace(wanted, code=code)
    if name == "outcome":
        code = _code_of(name, value, _OUTCOME_SYSTEM, "")
        if code and code not in _OUTCOMES:
            raise _refused("'outcome' is 0, 4, 8 or 12.")
        return None if code is None else replace(wanted, outcome=int(code) if code else None)
    if name == "entity":
        uid = read_reference(name, value, "ImagingStudy", "StudyInstanceUID")
        return None if not uid else replace(wanted, study_instance_uid=bare_uid(uid))
    patient_id = (
        read_reference(name, value, "Patient", "PatientID")
        if name == "patient"
        else _code_of(name, value, patient_system(""))
    )
    if patient_id == "":
        raise _refused(f"'{name}' names no patient.")
    return None if patient_id is None else replace(wanted, patient_id=patient_id)


def _code_of(name: str, value: str, *systems: str) -> str | None:
    """The code of a token, empty where any will do; None where it is of another system."""
    token = read_token(name, value)
    return token.code if token.is_of(*systems) else None


def audit_event(record: AuditRecord) -> AuditEvent:
    return AuditEvent(
        id=str(record.audit_id),
        meta=meta(record.at),
        type=_coding(record.code),
        subtype=[_coding(record.type_code)] if record.type_code else None,
        action=record.action,
        recorded=record.at,
        outcome=str(record.outcome),
        agent=[
            AuditEventAgent(
                type=plain(record.actor_kind),
                who=Reference(
                    identifier=Identifier(
                        system=f"{OWN}:actor:{record.actor_kind}", value=record.actor_name or "-"
                    )
                ),
                alt_id=record.actor_id or None,
                name=record.actor_name or None,
                requestor=True,
                network=AuditEventNetwork(address=record.actor_address, type="2")
                if record.actor_address
                else None,
            )
        ],
        source=AuditEventSource(
            observer=Reference(
                reference="Device/node", type="Device", display=record.process or None
            )
        ),
        entity=some([*_subjects(record), *_details(record)]),
    )


def _subjects(record: AuditRecord) -> list[AuditEventEntity]:
    studies = [
        AuditEventEntity(
            what=Reference(
                reference=f"ImagingStudy/{uid}",
                type="ImagingStudy",
                identifier=uid_identifier(uid),
            ),
            type=Coding(system=_ENTITY, code="2", display="System Object"),
            role=Coding(system=_ROLE, code="3", display="Report"),
        )
        for uid in record.study_instance_uids
    ]
    patients = [
        AuditEventEntity(
            what=Reference(
                type="Patient", identifier=Identifier(system=patient_system(""), value=patient_id)
            ),
            type=Coding(system=_ENTITY, code="1", display="Person"),
            role=Coding(system=_ROLE, code="1", display="Patient"),
        )
        for patient_id in record.patient_ids
        if patient_id
    ]
    return [*studies, *patients]


def _details(record: AuditRecord) -> list[AuditEventEntity]:
    texts = {
        "request id": record.request_id,
        "occurrences": str(record.occurrences),
        **{
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in record.detail.items()
        },
    }
    details = [
        AuditEventDetail(type=key, value_string=value) for key, value in texts.items() if value
    ]
    return [
        AuditEventEntity(
            type=Coding(system=_ENTITY, code="4", display="Other"), detail=some(details)
        )
    ]


def _coding(code: str) -> Coding:
    return Coding(system=DCM, code=code, display=_DISPLAY.get(code))


def _within(wanted: AuditFilter, value: str) -> AuditFilter:
    span = read_span("date", value)
    if span.comparison == "ne":
        raise _refused("The prefix 'ne' is not supported of an AuditEvent.")
    if span.comparison == "eq":
        return replace(wanted, since=span.start, until=span.end)
    if span.comparison in ("ge", "gt"):
        return replace(wanted, since=span.start if span.comparison == "ge" else span.end)
    return replace(wanted, until=span.start if span.comparison == "lt" else span.end)


def _refused(detail: str) -> ApiProblem:
    return ApiProblem(
        400,
        "search_refused",
        detail,
        remedy="GET /fhir/metadata lists what can be asked.",
        extra={"issue": "invalid"},
    )
