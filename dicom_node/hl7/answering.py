"""One message taken, and answered by what became of it."""

from dataclasses import dataclass

import structlog

from dicom_node.hl7 import links
from dicom_node.hl7.orders import CHANGED_NOTHING, KINDS, take_orders
from dicom_node.hl7.patients import OF_VISITS, TRIGGERS, take_adt
from dicom_node.hl7.reading import Header, Message, Refused, read_header
from dicom_node.hl7.unsupported_messages import check_meant_for_us, not_taken
from dicom_node.hl7.writing import answer_to
from storage.audit import Action, Actor, Audit, AuditEvent, Code
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.patient_identity.repository import PatientChanges
from storage.settings import Settings
from storage.worklist.repository import Worklist

log = structlog.get_logger(__name__)

_CHANGED_NOTHING = CHANGED_NOTHING | {"nobody here", "nothing new"}


@dataclass(frozen=True)
class Receivers:
    """Where messages lead."""

    worklist: Worklist
    patient_changes: PatientChanges
    audit: Audit


def answer(receivers: Receivers, settings: Settings, raw: bytes, peer: str) -> bytes:
    """Take one message and say what became of it. Nothing of a patient is logged."""
    header = Header()
    refused: Refused | None = None
    outcome = ""
    try:
        header = read_header(raw)
        if not header.control_id:
            raise Refused("AR", "101", "MSH-10 is empty.", "MSH-10")
        check_meant_for_us(header, settings.hl7_processing_ids)
        with on_behalf_of(address_caller(peer)):
            outcome = _take(receivers, settings, header, raw, peer)
    except Refused as error:
        refused, outcome = error, "refused"
    except MediViewError as error:
        refused, outcome = Refused("AE", "207", error.message), "failed"
    except Exception as error:  # noqa: BLE001 - the edge of a message: its sender hears of it
        log.error("hl7_message_failed", error=type(error).__name__)
        refused, outcome = Refused("AE", "207", "The node failed; send it again."), "failed"
    log.info(
        "hl7_message",
        peer=peer,
        kind=f"{header.message_type}^{header.trigger_event}"[:20],
        outcome=outcome,
        reason="" if refused is None else refused.reason,
    )
    return answer_to(header, settings.hl7_application, settings.hl7_facility, utcnow(), refused)


def _take(receivers: Receivers, settings: Settings, header: Header, raw: bytes, peer: str) -> str:
    """What became of a message; whose it was, and from which system, goes to the audit trail."""
    # Also of what is not looked into: it may hold another message, which must not be lost.
    message = Message(header, raw)
    if header.message_type == "ADT" and header.trigger_event in OF_VISITS:
        return "of a visit"
    is_adt = header.message_type == "ADT" and header.trigger_event in TRIGGERS | links.TRIGGERS
    if not is_adt and (header.message_type, header.trigger_event) not in KINDS:
        raise not_taken(header)
    patient_ids: tuple[str, ...]
    action: Action
    if is_adt:
        code, action = Code.PATIENT_RECORD, "U"
        is_link = header.trigger_event in links.TRIGGERS
        changes = receivers.patient_changes
        if is_link or links.is_update_notification(message, settings):
            outcome, patient_ids = links.take_links(changes, message, settings, utcnow())
        else:
            issuer = settings.patient_id_issuer
            outcome, patient_ids = take_adt(changes, message, issuer, utcnow())
        detail = {"trigger_event": header.trigger_event, "outcome": outcome}
    else:
        code, action = Code.ORDER_RECORD, "C"
        outcome = take_orders(receivers.worklist, message, utcnow())
        patient_ids = (message.field("PID-3"),)
        controls = dict.fromkeys(one.field("ORC-1") for one in message.parts("ORC"))
        detail = {"order_control": ", ".join(controls)}
    actor = Actor("peer", header.sending_application or "HL7", peer)
    detail = {"via": "HL7 v2", **detail}
    event = AuditEvent(code, action, actor, patient_ids=patient_ids, detail=detail)
    if outcome in _CHANGED_NOTHING:
        receivers.audit.without_effect(event)
    else:
        receivers.audit.record(event)
    return outcome
