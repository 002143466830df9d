"""What happens to workitems, as events that are reported to subscribers (PS3.4 Table CC.2.4-1)."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from storage.core.callers.shares import current_caller
from storage.core.entities import ENDED_STATES
from storage.db.json_text import JsonText, to_json
from storage.events.payloads import WorkitemEvent
from storage.events.repository import add_event
from storage.ups.dicom_json import (
    JsonAttributes,
    attributes_of,
    first_item,
    tag_of,
    text_of,
)
from storage.ups.event_room import take_event_room

STATE_REPORT: Literal[1] = 1
CANCEL_REQUESTED: Literal[2] = 2
PROGRESS_REPORT: Literal[3] = 3
SCP_STATUS_CHANGE: Literal[4] = 4
ASSIGNED: Literal[5] = 5
UPS_EVENT_CLASS = "1.2.840.10008.5.1.4.34.6.4"

ScpStatus = Literal["RESTARTED", "GOING DOWN"]
ReportedEvent = tuple[int, JsonAttributes]
"""Event Type ID and the attributes of the report."""

_PROGRESS = "ProcedureStepProgressInformationSequence"
_REASONS = ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")
_ASSIGNMENT = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
_REQUEST = (*_REASONS, "ContactURI", "ContactDisplayName")


def state_report(attributes: JsonAttributes) -> ReportedEvent:
    report = attributes_of(
        ProcedureStepState=text_of(attributes, "ProcedureStepState"),
        InputReadinessState=text_of(attributes, "InputReadinessState"),
    )
    if text_of(attributes, "ProcedureStepState") == "CANCELED":
        report |= _some(first_item(attributes, _PROGRESS), _REASONS)
    return STATE_REPORT, report


def progress_report(attributes: JsonAttributes) -> ReportedEvent:
    return PROGRESS_REPORT, {tag_of(_PROGRESS): attributes.get(tag_of(_PROGRESS), {"vr": "SQ"})}


def cancel_requested(requesting_ae: str, details: JsonAttributes) -> ReportedEvent:
    return CANCEL_REQUESTED, {
        **attributes_of(RequestingAE=requesting_ae[:16]),
        **_some(details, _REQUEST),
    }


def scp_status(status: ScpStatus) -> ReportedEvent:
    """Of the service itself. Items and subscriptions outlast it: both lists are as they were."""
    return SCP_STATUS_CHANGE, attributes_of(
        SCPStatus=status,
        SubscriptionListStatus="WARM START",
        UnifiedProcedureStepListStatus="WARM START",
    )


def of_update(before: JsonAttributes, after: JsonAttributes) -> list[ReportedEvent]:
    """The events that an update means (PS3.4 CC.2.4.3)."""
    events: list[ReportedEvent] = []
    if _differ(before, after, ("InputReadinessState",)):
        events.append(state_report(after))
    if _differ(before, after, (_PROGRESS,)):
        events.append(progress_report(after))
    if _differ(before, after, _ASSIGNMENT):
        events.append((ASSIGNED, _some(after, _ASSIGNMENT)))
    return events


def record(
    connection: Connection,
    now: datetime,
    workitem_uid: str,
    study_instance_uid: str,
    event: ReportedEvent,
    *,
    receiver: str = "",
) -> None:
    """Note an event of a workitem; with a `receiver`, for that subscriber alone.

    Raises NoRoom where the caller has caused too many.
    """
    event_type, attributes = event
    payload = WorkitemEvent(workitem=workitem_uid, event_type=event_type, attributes=attributes)
    if receiver:
        payload["receiver"] = receiver
    text = JsonText(to_json(payload))
    caused_by = current_caller()
    # A workitem ends once, and must be able to.
    if not is_end(event):
        take_event_room(connection, caused_by, len(text))
    add_event(connection, now, "workitem", study_instance_uid, payload=text, caused_by=caused_by)


def is_end(event: ReportedEvent) -> bool:
    """Whether it says that the workitem is done or was given up."""
    event_type, attributes = event
    state = text_of(attributes, "ProcedureStepState")
    return event_type == STATE_REPORT and state in ENDED_STATES


def event_report(workitem_uid: str, event: ReportedEvent, message_id: int) -> JsonAttributes:
    """The report as a subscriber gets it (PS3.18 11.13, PS3.7 10.1.1)."""
    event_type, attributes = event
    return {
        "00000002": {"vr": "UI", "Value": [UPS_EVENT_CLASS]},
        "00000110": {"vr": "US", "Value": [message_id]},
        "00001000": {"vr": "UI", "Value": [workitem_uid]},
        "00001002": {"vr": "US", "Value": [event_type]},
        **attributes,
    }


def _some(attributes: JsonAttributes, keywords: tuple[str, ...]) -> JsonAttributes:
    return {
        tag_of(keyword): attributes[tag_of(keyword)]
        for keyword in keywords
        if tag_of(keyword) in attributes
    }


def _differ(before: JsonAttributes, after: JsonAttributes, keywords: tuple[str, ...]) -> bool:
    return _some(before, keywords) != _some(after, keywords)
