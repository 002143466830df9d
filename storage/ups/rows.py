"""Rows of workitems, read, decided upon and written in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from storage import tables as t
from storage.access_groups.former_groups import forget_groups
from storage.core.callers.one_at_a_time import OneAtATime
from storage.core.clock import utcnow
from storage.core.errors import Gone, NotFound, StorageUnavailable
from storage.db.engine import reading, writing
from storage.db.json_text import JsonText, to_json
from storage.ups.dicom_json import (
    JsonAttributes,
    attributes_of,
    date_time,
    has_value,
    items_of,
    tag_of,
)
from storage.ups.events import ReportedEvent, record, state_report
from storage.ups.job_mapping import UNSPECIFIED, cancellation
from storage.ups.room import check_growth_of_all
from storage.ups.validation import WorkitemState, studies_of, with_progress

_UID_LENGTH = 64
# Of one item within the process; others of the node may be quicker a few times.
_GROWS_BYTES = 4096
"""What an end adds to an item is always taken."""
_ONE_AT_A_TIME, _ATTEMPTS = OneAtATime(), 20


@dataclass(frozen=True)
class Workitem:
    """`performer`: the pipeline of this node that does it, '' for any other performer.

    `job_ids`: the jobs by which the node does it. `attributes`: DICOM JSON, without the
    Transaction UID, which only the owner may know.
    """

    sop_instance_uid: str
    state: WorkitemState
    performer: str
    transaction_uid: str = field(repr=False)
    job_ids: tuple[str, ...]
    study_instance_uid: str
    attributes: JsonAttributes = field(repr=False)
    size_bytes: int
    created_by: str
    orderer_groups: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Edit:
    """What becomes of an item, and what is reported of it."""

    values: dict[str, Any] = field(default_factory=dict)
    events: Sequence[ReportedEvent] = ()


def to_workitem(row: Mapping[str, Any]) -> Workitem:
    values = {name: row[name] for name in Workitem.__dataclass_fields__}
    return Workitem(**values | {"job_ids": tuple(row["job_ids"])})


def read_item(connection: Connection, uid: str) -> Workitem | None:
    query = select(t.work_item).where(t.work_item.c.sop_instance_uid == uid)
    row = connection.execute(query).mappings().first()
    return None if row is None else to_workitem(dict(row))


def note_studies(connection: Connection, uid: str, about: str, attributes: JsonAttributes) -> None:
    """Which studies the item names beside the one that it is about."""
    table = t.work_item_study
    connection.execute(delete(table).where(table.c.sop_instance_uid == uid))
    # What is longer is the UID of no study.
    others = {one for one in studies_of(attributes) if one != about and len(one) <= _UID_LENGTH}
    if others:
        rows = [{"sop_instance_uid": uid, "study_instance_uid": one} for one in sorted(others)]
        connection.execute(insert(table), rows)


def edit_item(engine: Engine, uid: str, decide: Callable[[Workitem, datetime], Edit]) -> Workitem:
    """Read, decide and write, again where it changed meanwhile, so that two cannot both claim.

    Raises NotFound, and whatever `decide` raises; nothing is changed then. It may be called
    several times. A large item is read and encoded outside the transaction, for which others wait.
    """
    with _ONE_AT_A_TIME.of(uid):
        for _ in range(_ATTEMPTS):
            with reading(engine) as connection:
                item = read_item(connection, uid)
                if item is None:
                    raise missing_item(connection, uid)
            now = utcnow()
            edit = decide(item, now)
            if not edit.values and not edit.events:
                return item
            if _write(engine, item, edit, now):
                break
        else:
            raise StorageUnavailable(
                f"The workitem {uid} is changed all the time by others.",
                remedy="Send the change again.",
            )
        with reading(engine) as connection:
            return read_item(connection, uid) or item


def _write(engine: Engine, item: Workitem, edit: Edit, now: datetime) -> bool:
    """False where the item is another than it was by now."""
    uid, row = item.sop_instance_uid, t.work_item.c
    values = dict(edit.values)
    if values:
        # It tells one state of the item from another, whatever the clock does.
        values["updated_at"] = max(now, item.updated_at + timedelta(microseconds=1))
    attributes = values.get("attributes", item.attributes)
    names_others = studies_of(attributes) != studies_of(item.attributes)
    if "attributes" in values:
        values["attributes"] = JsonText(to_json(attributes))
        values["size_bytes"] = len(values["attributes"])
        grows_bytes = values["size_bytes"] - item.size_bytes
        if grows_bytes > _GROWS_BYTES:
            check_growth_of_all(engine, item.created_by, grows_bytes)
    study_instance_uid = values.get("study_instance_uid", item.study_instance_uid)
    with writing(engine) as connection:
        version = select(row.updated_at).where(row.sop_instance_uid == uid)
        if connection.execute(version.with_for_update()).scalar() != item.updated_at:
            return False
        if values:
            connection.execute(
                update(t.work_item).where(row.sop_instance_uid == uid).values(**values)
            )
        if names_others:
            note_studies(connection, uid, study_instance_uid, attributes)
        if study_instance_uid != item.study_instance_uid:
            forget_groups(connection, item.study_instance_uid)
        for event in edit.events:
            record(connection, now, uid, study_instance_uid, event)
    return True


def canceled(
    item: Workitem,
    reason: str,
    now: datetime,
    details: JsonAttributes | None = None,
    code: tuple[str, str, str] = UNSPECIFIED,
) -> Edit:
    """The end of an open item, through IN PROGRESS, which none leaves out (PS3.4 CC.2.2.3).

    `details`: what a request for cancellation stated.
    """
    events = []
    attributes = item.attributes
    if item.state == "SCHEDULED":
        attributes = attributes | attributes_of(ProcedureStepState="IN PROGRESS")
        events.append(state_report(attributes))
    changes = cancellation(reason, date_time(now), code) | _requested(details or {})
    attributes = with_progress(attributes, changes) | attributes_of(ProcedureStepState="CANCELED")
    events.append(state_report(attributes))
    return Edit({"state": "CANCELED", "attributes": attributes}, events)


def _requested(details: JsonAttributes) -> JsonAttributes:
    """Reasons and contact of a request, where the progress of an item keeps them."""
    changes: JsonAttributes = {}
    reasons = "ProcedureStepDiscontinuationReasonCodeSequence"
    if items_of(details, reasons):
        changes[tag_of(reasons)] = details[tag_of(reasons)]
    contact = {
        tag_of(keyword): details[tag_of(keyword)]
        for keyword in ("ContactURI", "ContactDisplayName")
        if has_value(details, keyword)
    }
    if contact:
        changes |= attributes_of(ProcedureStepCommunicationsURISequence=[contact])
    return changes


def missing_item(connection: Connection, uid: str) -> NotFound:
    """What to raise of an item that is not there: Gone, where it was."""
    table = t.gone_work_item
    remedy = "GET /dicom-web/workitems lists them."
    known = select(table.c.sop_instance_uid).where(table.c.sop_instance_uid == uid)
    if connection.execute(known).first() is not None:
        return Gone("The workitem was there and has been deleted.", remedy=remedy)
    return NotFound("There is no workitem under that UID.", remedy=remedy)
