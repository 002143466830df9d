"""From the node's events to what webhooks send: UIDs and states, and nobody's name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, cast

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.entities import Event
from storage.core.job_result import JobResult, ResultInstance
from storage.core.state_words import state_word
from storage.events.payloads import (
    AccessEvent,
    AlertEvent,
    DeliveryEvent,
    FindingEvent,
    JobEvent,
    ModelEvent,
    NodeEvent,
    ReportEvent,
    StudyEvent,
    WorkitemEvent,
)

EVENT_TYPES: Mapping[str, str] = {
    "series.complete": "Nothing more is expected of a series.",
    "study.complete": "All series of a study that were received are complete.",
    "study.release_overdue": "Results of a study have waited for their release for long.",
    "study.deleted": "A study, or a part of it, was deleted.",
    "job.scheduled": "A pipeline is to run on a series.",
    "job.started": "A worker has taken the job.",
    "job.progress": "The job went on; only for those that name it, never by a wildcard.",
    "job.delayed": "An attempt failed, and another one follows.",
    "job.completed": "The job has ended with its results.",
    "job.failed": "The job has ended without results, and says why.",
    "job.cancelled": "A person has cancelled the job.",
    "job.superseded": "The series has changed since, or a further run gave other results; the"
    " job counts no more, and what it made is withdrawn.",
    "results.stored": "Results of a job are stored, with their UIDs.",
    "delivery.pending": "Results are on their way to a destination, again or for the first time.",
    "delivery.sent": "A destination has answered success to them.",
    "delivery.confirmed": "A destination has confirmed that it stores them.",
    "delivery.failed": "A message to an HL7 system, a webhook, a mailbox or a chat was given up.",
    "destination.unreachable": "A destination has been out of reach for long.",
    "destination.reachable": "That destination answers again.",
    "finding.accepted": "Somebody has accepted a finding.",
    "finding.rejected": "Somebody has rejected a finding.",
    "finding.corrected": "Somebody has corrected a finding.",
    "report.drafted": "The report of a study was drafted, for the first time or again.",
    "report.edited": "Somebody has changed the text of a report.",
    "report.attention": "Results came after the text of a report was written or signed.",
    "report.superseded": "Results that a report rests on were withdrawn: what somebody wrote or"
    " signed is not current.",
    "report.preliminary": "A report is preliminary.",
    "report.final": "A radiologist has signed a report.",
    "report.amended": "A radiologist has amended a signed report.",
    "model.changed": "A model has another state.",
    "model.drift": "What a pipeline sees or gives on a scanner is not what it was.",
    "alert.raised": "A finding is critical by the site's rules; somebody must acknowledge it.",
    "alert.repeated": "Nobody has acknowledged an alert in time.",
    "alert.acknowledged": "Somebody has acknowledged an alert.",
    "access.emergency_started": "Somebody has taken access in an emergency.",
    "access.emergency_ended": "Access in an emergency has ended.",
    "node.degraded": "A part of the node does not work; `/health` says more.",
    "node.restored": "It works again.",
    "node.disk_low": "The disk of the data folder is getting full.",
    "node.data_damaged": "What is stored was found damaged or lost, and has no right copy.",
    "workitem.changed": "The state of a workitem has changed.",
}
"""What a webhook may ask for, by name or as `job.*` or `*`."""

FORMER_NAMES: Mapping[str, str] = {
    "delivery.held": "delivery.confirmed",
    "finding.edited": "finding.corrected",
    "job.canceled": "job.cancelled",
}
"""Deprecated: a webhook that asks for one gets its events under it."""

PING = "ping"
FAILED = "delivery.failed"
_QUIET = "job.progress"
_STATE_REPORT = 1
_ENDINGS = {"CANCELLED": "job.cancelled", "SUPERSEDED": "job.superseded"}


class NoticeData(TypedDict, total=False):
    """What a notice says beside its type: as much as its event has of it."""

    study_instance_uid: str
    series_instance_uid: str
    job_id: str
    pipeline: str
    pipeline_version: str
    state: str
    """For people (`state_word`)."""
    reason: str
    """Why a job was put off or ended without results."""
    stage: str
    progress: float
    instances: list[ResultInstance]
    destination: str
    finding_id: str
    report_id: str
    version: int | str
    """Of a report a number; of a model its own."""
    alert_id: str
    rule: str
    repeats: int
    workitem_uid: str
    emergency_id: str
    part: str
    """Of the node."""
    model: str
    change: str
    scanner: str
    measure: str
    stability_index: float
    webhook_id: str
    """Of a trial alone."""


class NoticeBody(TypedDict):
    """What is sent."""

    id: str
    type: str
    timestamp: str
    """RFC 3339."""
    data: NoticeData


@dataclass(frozen=True)
class Notice:
    event_type: str
    data: NoticeData


def wanted_as(patterns: tuple[str, ...], event_type: str) -> str | None:
    """Under which name a webhook that asks for `patterns` is notified of this type; None: not."""
    if event_type in patterns:
        return event_type
    former = next((old for old in patterns if FORMER_NAMES.get(old) == event_type), None)
    if former:
        return former
    wildcards = {"*", f"{event_type.partition('.')[0]}.*"}
    return event_type if event_type != _QUIET and not wildcards.isdisjoint(patterns) else None


def notices_of(connection: Connection, event: Event) -> list[Notice]:
    """What an event means to a webhook; several things, or nothing."""
    uid = event.study_instance_uid
    about = NoticeData(study_instance_uid=uid) if uid else NoticeData()
    match event.topic:
        case "study":
            return _of_study(connection, event, about)
        case "job":
            return _of_job(connection, event, about)
        case "delivery":
            delivery = cast(DeliveryEvent, event.payload)
            named = f"delivery.{delivery.get('state', '').lower()}"
            # Events of older versions of the node name the former state.
            named = FORMER_NAMES.get(named, named)
            data = about | {"destination": delivery.get("destination", "")}
        case "finding":
            finding = cast(FindingEvent, event.payload)
            named = f"finding.{_feedback_kind(finding)}"
            data = about | {"finding_id": finding.get("finding_id", "")}
        case "report":
            report = cast(ReportEvent, event.payload)
            named = f"report.{report['change']}"
            data = about | {
                "report_id": report["report_id"],
                "state": state_word(report["state"]),
                "version": report["version"],
            }
        case "alert":
            alert = cast(AlertEvent, event.payload)
            named = f"alert.{alert['change']}"
            data = about | {
                "alert_id": alert["alert_id"],
                "finding_id": alert["finding_id"],
                "rule": alert["rule"],
                "repeats": alert["repeats"],
                "state": state_word(alert["state"]),
            }
        case "workitem":
            item = cast(WorkitemEvent, event.payload)
            if item["event_type"] != _STATE_REPORT or item.get("receiver"):
                return []
            named = "workitem.changed"
            state = item["attributes"].get("00741000", {}).get("Value", [""])[0]
            data = about | {"workitem_uid": item["workitem"], "state": state_word(state)}
        case "access":
            access = cast(AccessEvent, event.payload)
            named = f"access.{access['change']}"
            data = NoticeData(emergency_id=access["emergency_id"])
        case "node":
            named, data = _of_node(cast(NodeEvent, event.payload))
        case "model":
            model = cast(ModelEvent, event.payload)
            named = "model.drift" if model.get("change") == "drift" else "model.changed"
            data = cast(NoticeData, dict(event.payload))
        case _:
            return []
    return [Notice(named, data)] if named in EVENT_TYPES else []


def _of_study(connection: Connection, event: Event, about: NoticeData) -> list[Notice]:
    study = cast(StudyEvent, event.payload)
    change = study.get("change", "")
    if "deleted" in change:
        return [Notice("study.deleted", about)]
    if change == "release_overdue":
        return [Notice("study.release_overdue", about)]
    if change != "series_complete":
        return []
    notices = [
        Notice("series.complete", about | {"series_instance_uid": study["series_instance_uid"]})
    ]
    if _is_whole(connection, event):
        notices.append(Notice("study.complete", about))
    return notices


def _is_whole(connection: Connection, event: Event) -> bool:
    """Whether nothing of the study arrives any more, at the event of its last series."""
    in_study = t.study.c.study_instance_uid == event.study_instance_uid
    receiving = connection.execute(
        select(func.count())
        .select_from(t.series.join(t.study, t.series.c.study_fk == t.study.c.id))
        .where(in_study, t.series.c.origin == "received", t.series.c.state == "RECEIVING")
    ).scalar_one()
    if receiving:
        return False
    later = connection.execute(
        select(t.event.c.payload).where(
            t.event.c.event_id > event.event_id,
            t.event.c.topic == "study",
            t.event.c.study_instance_uid == event.study_instance_uid,
        )
    ).scalars()
    return not any(payload.get("change") == "series_complete" for payload in later)


def _of_job(connection: Connection, event: Event, about: NoticeData) -> list[Notice]:
    job, job_id = cast(JobEvent, event.payload), event.job_id or ""
    # Events of older versions of the node name the state of the UPS alone.
    status = job.get("status") or {"CANCELED": "FAILED"}.get(job["state"], job["state"])
    data = about | {"job_id": job_id, "pipeline": job["pipeline"], "state": state_word(status)}
    if job["reason"]:
        data["reason"] = job["reason"]
    match status:
        case "SCHEDULED":
            return [Notice("job.delayed" if job["reason"] else "job.scheduled", data)]
        case "IN PROGRESS" if job["stage"] or job["progress"]:
            return [Notice(_QUIET, data | {"stage": job["stage"], "progress": job["progress"]})]
        case "IN PROGRESS":
            return [Notice("job.started", data)]
        case "COMPLETED":
            row = connection.execute(
                select(t.job.c.series_instance_uid, t.job.c.result).where(t.job.c.job_id == job_id)
            ).first()
            if row is None:
                return [Notice("job.completed", data)]
            data |= {"series_instance_uid": row.series_instance_uid}
            result: JobResult = row.result
            notices = [Notice("job.completed", data)]
            if instances := result.get("instances"):
                notices.append(Notice("results.stored", data | {"instances": instances}))
            return notices
        case _:
            return [Notice(_ENDINGS.get(status, "job.failed"), data)]


_OF_PART = {"disk": "node.disk_low", "retention": "node.disk_low", "instances": "node.data_damaged"}


def _of_node(payload: NodeEvent) -> tuple[str, NoticeData]:
    change = payload.get("change", "")
    if "destination" in payload:
        return f"destination.{change}", {"destination": payload["destination"]}
    part = payload.get("part", "")
    named = f"node.{change}"
    return _OF_PART.get(part, named) if change == "degraded" else named, {"part": part}


def _feedback_kind(payload: FindingEvent) -> str:
    # Events of older versions of the node name it otherwise, under another key.
    kind = (payload.get("kind") or payload.get("verdict", "")).lower()
    former = {"accept": "accepted", "reject": "rejected", "edit": "corrected"}
    return former.get(kind, "corrected" if kind == "edited" else kind)
