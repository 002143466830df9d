"""The audit trail as JSON."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.base_schemas import CursorPage, Payload
from storage.audit import AuditRecord
from storage.audit.messages import meaning
from storage.audit.verify import ChainCheck


class AuditEventPayload(Payload):
    """One event of the trail."""

    audit_id: int
    chain_index: int | None = Field(description="Its place in the chain; null until it is sealed.")
    chain_hash: str
    at: datetime
    code: str = Field(description="Event id of DICOM's CID 400.", examples=["110103"])
    meaning: str = Field(examples=["DICOM Instances Accessed"])
    type_code: str = Field(description="Event type of CID 401, where there is one.")
    type_meaning: str
    action: str = Field(description="C, R, U, D or E (execute).")
    outcome: int = Field(description="0 success, 4 minor, 8 serious, 12 major failure.")
    actor_kind: str
    actor_name: str
    actor_id: str = Field(
        description="Who it is, beyond the name: kind, issuer and subject. Empty of older events."
    )
    actor_address: str
    process: str
    request_id: str
    study_instance_uids: list[str]
    patient_ids: list[str]
    occurrences: int = Field(description="How often within the minute.")
    detail: dict[str, Any]


class AuditPage(CursorPage):
    items: list[AuditEventPayload]


class AuditVerification(Payload):
    """Whether the chain holds."""

    holds: bool
    problem: str = Field(description="Empty where it holds; names the first event that does not.")
    position: int | None
    checked: int
    unsealed: int = Field(description="Events too young to be sealed.")
    base_position: int = Field(description="Events up to here were removed by retention.")
    head_position: int
    head_hash: str
    keyed_from: int | None = Field(description="Sealed with the key from here on.")
    anchors: int = Field(description="Noted heads that it was compared with.")


def event_payload(record: AuditRecord) -> AuditEventPayload:
    fields = {name: getattr(record, name) for name in AuditRecord.__dataclass_fields__}
    fields |= {
        "study_instance_uids": list(record.study_instance_uids),
        "patient_ids": list(record.patient_ids),
    }
    return AuditEventPayload(
        **fields,
        meaning=meaning(record.code),
        type_meaning=meaning(record.type_code) if record.type_code else "",
    )


def verification_payload(check: ChainCheck) -> AuditVerification:
    return AuditVerification(
        holds=check.holds,
        problem=check.problem,
        position=check.position,
        checked=check.checked,
        unsealed=check.unsealed,
        base_position=check.base.position,
        head_position=check.head.position,
        head_hash=check.head.hash,
        keyed_from=check.keyed_from,
        anchors=check.anchors,
    )
