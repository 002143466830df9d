"""Orders (ORM^O01, OMI^O23) as items of the worklist, as IHE's Scheduled Workflow maps them."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from dicom_node.hl7.accession_numbers import AccessionNumber, not_known, order_of
from dicom_node.hl7.order_groups import numbered, orders_of
from dicom_node.hl7.reading import Message, Refused
from dicom_node.hl7.values import birth_date, checked, event_time, person_name
from storage.access_groups.orders import takes_over
from storage.core.ae_titles import ANY_STATION
from storage.core.patient_sex import sex_of
from storage.core.uids import new_uid
from storage.worklist.changed_meanwhile import looking_again
from storage.worklist.entities import WorklistState
from storage.worklist.patients import are_of_two_patients
from storage.worklist.repository import Worklist

KINDS = frozenset({("ORM", "O01"), ("OMI", "O23")})
_NEW = ("NW", "XO", "XX", "RP", "SN")
_CANCEL = ("CA", "DC", "OC")
_STATES: Mapping[str, WorklistState] = {
    "IP": "IN PROGRESS",
    "CM": "COMPLETED",
    "CA": "CANCELED",
    "SC": "SCHEDULED",
}
_PRIORITIES = {"S": "STAT", "A": "HIGH", "R": "ROUTINE", "T": "MEDIUM"}
_TIME = re.compile(r"(\d{8})(\d{2}|\d{4}|\d{6})?(?:\.\d+)?(?:[+-]\d{4})?")
# TQ1-7, and where older versions of HL7 have it: TS within TQ, and OBR-36.
_STARTS = (("TQ1-7", 1), ("OBR-27", 4), ("ORC-7", 4), ("OBR-36", 1))
_START_PLACES = "TQ1-7, OBR-27, ORC-7 or OBR-36"
# Where a value may come from, for who is to correct it.
_PLACES = {
    "PatientName": "PID-5",
    "PatientID": "PID-3",
    "IssuerOfPatientID": "PID-3",
    "PatientBirthDate": "PID-7",
    "PatientSex": "PID-8",
    "AdmissionID": "PV1-19",
    "CurrentPatientLocation": "PV1-3",
    "AccessionNumber": "IPC-1, OBR-18, OBR-3 or ORC-3",
    **dict.fromkeys(
        ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType"),
        "IPC-1, OBR-18, OBR-3 or ORC-3",
    ),
    "ReferringPhysicianName": "PV1-8",
    "RequestingPhysician": "ORC-12 or OBR-16",
    "StudyInstanceUID": "IPC-3 or ZDS-1",
    "PlacerOrderNumberImagingServiceRequest": "ORC-2 or OBR-2",
    "FillerOrderNumberImagingServiceRequest": "ORC-3 or OBR-3",
    "RequestedProcedureID": "IPC-2 or OBR-19",
    "RequestedProcedureDescription": "OBR-4",
    "ReasonForTheRequestedProcedure": "OBR-31",
    "RequestedProcedureComments": "OBR-13",
    "Modality": "IPC-5 or OBR-24",
    "ScheduledStationAETitle": "IPC-9",
    "ScheduledStationName": "IPC-7",
    "ScheduledProcedureStepLocation": "IPC-8",
    "ScheduledProcedureStepStartDate": _START_PLACES,
    "ScheduledProcedureStepStartTime": _START_PLACES,
    "ScheduledProcedureStepDescription": "OBR-4",
    "ScheduledProcedureStepID": "IPC-4 or OBR-20",
    "CodeValue": "OBR-4",
    "CodeMeaning": "OBR-4",
    "CodingSchemeDesignator": "OBR-4",
}

CHANGED_NOTHING = frozenset({"known", "outdated"})


def take_orders(worklist: Worklist, message: Message, now: datetime) -> str:
    """Bring the orders of a message into the worklist; what became of them. Raises Refused.

    The accession number names the order: a repetition changes the item and makes no second. One
    that was made before another that was taken comes late, and reverts nothing. Procedures of one
    number are steps of one order. Where one order is refused none is taken. A number of another
    issuer is another.
    """
    orders = orders_of(message)
    ordered_here = {number for number, control in orders if control in _NEW}
    attributes: dict[tuple[AccessionNumber, str], dict[str, Any]] = {}
    for at, ((ordered, control), procedures) in enumerate(orders.items()):
        with numbered(at, len(orders)):
            if control in _NEW:
                attributes[ordered, control] = _attributes_of_all(procedures, ordered)
            else:
                _check_change(worklist, procedures[0], ordered, ordered_here)
    # A RIS repeats what it had no answer to, over another connection at times.
    outcomes = [
        looking_again(partial(_take, worklist, procedures[0], key[0], attributes.get(key), now))
        for key, procedures in orders.items()
    ]
    return next((one for one in outcomes if one not in CHANGED_NOTHING), outcomes[0])


def _take(
    worklist: Worklist,
    message: Message,
    number: AccessionNumber,
    attributes: dict[str, Any] | None,
    now: datetime,
) -> str:
    """`attributes`: of a new or changed order; None: its state alone changes."""
    control = message.field("ORC-1")
    existing = order_of(worklist, message, number)
    is_taken_over = (
        attributes is not None and existing is not None and takes_over(existing.orderer_groups)
    )
    stated = event_time(message)
    # HL7 states whole seconds: within one, what arrived last counts.
    now = now.replace(microsecond=0)
    newest = None if existing is None or is_taken_over else existing.ordered_at
    if newest is not None:
        newest = newest.replace(microsecond=0)
    if newest is not None and stated is not None and stated < newest:
        return "outdated"
    # The clock of a sender may be ahead, and this node's may have been set back.
    ordered_at = min(stated or now, now)
    if newest is not None:
        ordered_at = max(ordered_at, newest)
    if attributes is None:
        if existing is None:
            raise not_known(message)
        state = "CANCELED" if control in _CANCEL else _STATES[message.field("ORC-5")]
        worklist.change(
            existing.worklist_item_id, state=state, ordered_at=ordered_at, as_read=existing
        )
        return "canceled" if control in _CANCEL else "changed"
    if existing is None:
        worklist.add({"StudyInstanceUID": new_uid(), **attributes}, ordered_at, is_first=True)
        return "scheduled"
    # Images of one patient must not go into the study that another was ordered for.
    is_another = is_taken_over or are_of_two_patients(existing.attributes, attributes)
    kept = {"StudyInstanceUID": new_uid() if is_another else existing.study_instance_uid}
    if not is_another:
        issuer = number.issuer.with_what_is_known_of(existing.accession_issuer)
        attributes = {**attributes, **issuer.in_attributes()}
    # Ordered once more after a cancel. One that may have been made before it, as where its time is
    # not stated, or not to the second, may be a repetition of the first.
    at_first = event_time(message, earliest=True)
    is_later = at_first is not None and newest is not None and at_first > newest
    is_renewed = is_another or (control == "NW" and existing.state == "CANCELED" and is_later)
    worklist.change(
        existing.worklist_item_id,
        state="SCHEDULED" if is_renewed else None,
        attributes={**kept, **attributes},
        ordered_at=ordered_at,
        as_read=existing,
        is_taken_over=is_taken_over,
    )
    if is_renewed:
        return "scheduled"
    return "known" if {**kept, **attributes} == existing.attributes else "changed"


def _attributes_of_all(procedures: Sequence[Message], number: AccessionNumber) -> dict[str, Any]:
    """Those of the first procedure, with the step of each. Raises Refused."""
    found, *others = [attributes_of(one, number) for one in procedures]
    steps = found["ScheduledProcedureStepSequence"]
    for other in others:
        steps += [step for step in other["ScheduledProcedureStepSequence"] if step not in steps]
    return found


def attributes_of(message: Message, number: AccessionNumber) -> dict[str, Any]:
    """Keywords and values as DICOM writes them. Raises Refused naming what is missing."""
    field = message.field
    modality = field("IPC-5") or field("OBR-24")
    found: dict[str, Any] = {
        "PatientName": person_name(message, "PID-5"),
        "PatientID": field("PID-3"),
        "IssuerOfPatientID": field("PID-3", 4),
        "PatientBirthDate": birth_date(message),
        "PatientSex": sex_of(field("PID-8")),
        "AdmissionID": field("PV1-19"),
        "CurrentPatientLocation": field("PV1-3"),
        "AccessionNumber": number.text,
        **number.issuer.in_attributes(),
        "ReferringPhysicianName": _provider(message, "PV1-8"),
        "RequestingPhysician": _provider(message, "ORC-12") or _provider(message, "OBR-16"),
        "StudyInstanceUID": field("IPC-3") or field("ZDS-1"),
        "PlacerOrderNumberImagingServiceRequest": field("ORC-2") or field("OBR-2"),
        "FillerOrderNumberImagingServiceRequest": field("ORC-3") or field("OBR-3"),
        "RequestedProcedureID": field("IPC-2") or field("OBR-19"),
        "RequestedProcedureDescription": field("OBR-4", 2) or field("OBR-4"),
        "RequestedProcedurePriority": _PRIORITIES.get(field("TQ1-9") or field("OBR-27", 6), ""),
        "ReasonForTheRequestedProcedure": field("OBR-31", 2) or field("OBR-31"),
        "RequestedProcedureComments": field("OBR-13"),
    }
    required = {"PatientName": "PID-5", "PatientID": "PID-3"}
    for keyword, place in required.items():
        if not found[keyword]:
            raise Refused("AE", "101", f"{place} is empty.", place)
    if not modality:
        raise Refused("AE", "101", "The order names no modality (OBR-24 or IPC-5).", "OBR-24")
    found["ScheduledProcedureStepSequence"] = [_step(message, modality)]
    code = field("OBR-4")
    if code and field("OBR-4", 2) and field("OBR-4", 3):
        found["RequestedProcedureCodeSequence"] = [
            {
                "CodeValue": code,
                "CodeMeaning": field("OBR-4", 2),
                "CodingSchemeDesignator": field("OBR-4", 3),
            }
        ]
    return checked(found, _PLACES, message)


def _step(message: Message, modality: str) -> dict[str, str]:
    field = message.field
    start = _start(message)
    return {
        "Modality": modality.upper(),
        "ScheduledStationAETitle": field("IPC-9") or ANY_STATION,
        "ScheduledStationName": field("IPC-7"),
        "ScheduledProcedureStepLocation": field("IPC-8"),
        "ScheduledProcedureStepStartDate": start[1] if start else f"{datetime.now():%Y%m%d}",
        "ScheduledProcedureStepStartTime": f"{start[2] or '':0<6}" if start else "000000",
        "ScheduledProcedureStepDescription": field("OBR-4", 2) or field("OBR-4"),
        "ScheduledProcedureStepID": field("IPC-4") or field("OBR-20"),
    }


def _start(message: Message) -> re.Match[str] | None:
    """When the step is to begin; None where no field says so. Raises Refused for what is no time:
    as today's it would stand on the worklist of a wrong day.
    """
    for place, part in _STARTS:
        stated = message.field(place, part)
        if stated:
            found = _TIME.fullmatch(stated)
            if found is None:
                raise Refused("AE", "102", f"{place} is not a time (YYYYMMDDHHMMSS).", place)
            return found
    return None


def _check_change(
    worklist: Worklist,
    message: Message,
    number: AccessionNumber,
    ordered_here: Collection[AccessionNumber],
) -> None:
    """Raises Refused where an order is not to be changed so, or is not known."""
    control = message.field("ORC-1")
    if control not in (*_CANCEL, "SC"):
        raise Refused(
            "AE",
            "103",
            f"The order control code is not taken here. Taken are {', '.join((*_NEW, *_CANCEL))}"
            " and SC.",
            "ORC-1",
        )
    if control == "SC" and message.field("ORC-5") not in _STATES:
        raise Refused(
            "AE",
            "103",
            f"The order status is not taken here. Taken are {', '.join(_STATES)}.",
            "ORC-5",
        )
    if any(map(number.may_be, ordered_here)):
        return
    if order_of(worklist, message, number) is None:
        raise not_known(message)


def _provider(message: Message, place: str) -> str:
    """XCN to PN; the first component is an identifier."""
    return person_name(message, place, first=2)
