"""Events into rows, within a transaction of the caller's."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from storage import tables as t
from storage.audit.events import AuditEvent, AuditRecord
from storage.core.text.bounded_text import cut

WINDOW = timedelta(minutes=1)
_SUBJECT_LENGTH = 128
_UIDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Views:
    """How often one actor looked at one study within one minute, since it was last written."""

    event: AuditEvent
    key: str
    ends_at: datetime
    occurrences: int


def window_of(event: AuditEvent) -> tuple[str, datetime]:
    """The key of the row that such events share, and when no more of them belong to it."""
    began = event.at.replace(second=0, microsecond=0)
    actor = event.actor
    parts = [
        *(actor.kind, actor.id, actor.name, actor.address, event.code, event.type, event.action),
        *(str(event.outcome), began.isoformat(), *event.study_instance_uids),
        json.dumps(event.detail, sort_keys=True),
        *event.patient_ids,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest(), began + WINDOW


def with_patients(connection: Connection, events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """The events, each with the patients of its studies where it names none."""
    wanted = sorted(
        {uid for one in events if not one.patient_ids for uid in one.study_instance_uids}
    )
    patients: dict[str, str] = {}
    for start in range(0, len(wanted), _UIDS_AT_ONCE):
        rows = connection.execute(
            select(t.study.c.study_instance_uid, t.patient.c.patient_id)
            .join(t.patient, t.patient.c.id == t.study.c.patient_fk)
            .where(t.study.c.study_instance_uid.in_(wanted[start : start + _UIDS_AT_ONCE]))
        )
        patients.update((uid, patient_id) for uid, patient_id in rows if patient_id)
    return [
        one
        if one.patient_ids or not one.study_instance_uids
        else replace(
            one,
            patient_ids=tuple(
                dict.fromkeys(patients[uid] for uid in one.study_instance_uids if uid in patients)
            ),
        )
        for one in events
    ]


def add_events(connection: Connection, events: Sequence[AuditEvent], process: str) -> None:
    """One row an event."""
    if not events:
        return
    complete = with_patients(connection, events)
    statement = insert(t.audit_event).returning(
        t.audit_event.c.audit_id, sort_by_parameter_order=True
    )
    ids = connection.execute(statement, [_values(one, process) for one in complete]).scalars().all()
    _add_subjects(connection, zip(ids, complete, strict=True))


def count_views(connection: Connection, views: Sequence[Views], process: str) -> None:
    """Count into the row of the window; a window that was sealed meanwhile gets another row."""
    if not views:
        return
    # In one order for all, so that two processes do not wait for each other.
    views = sorted(views, key=lambda one: one.key)
    complete = with_patients(connection, [one.event for one in views])
    for one, event in zip(views, complete, strict=True):
        values = {
            **_values(event, process),
            "occurrences": one.occurrences,
            "window_key": one.key,
            "window_ends_at": one.ends_at,
        }
        new = _insert(connection).values(**values)
        counted = connection.execute(
            new.on_conflict_do_update(
                index_elements=[t.audit_event.c.window_key],
                set_={"occurrences": t.audit_event.c.occurrences + new.excluded.occurrences},
                where=t.audit_event.c.chain_index.is_(None),
            ).returning(t.audit_event.c.audit_id)
        ).scalar()
        if counted is None:
            counted = connection.execute(
                insert(t.audit_event)
                .values({**values, "window_key": None, "window_ends_at": None})
                .returning(t.audit_event.c.audit_id)
            ).scalar_one()
        _add_subjects(connection, [(counted, event)])


def to_record(row: RowMapping) -> AuditRecord:
    """A row of the table as what it says."""
    fields = {name: row[name] for name in AuditRecord.__dataclass_fields__}
    fields["study_instance_uids"] = tuple(row["study_instance_uids"])
    fields["patient_ids"] = tuple(row["patient_ids"])
    return AuditRecord(**fields)


def _values(event: AuditEvent, process: str) -> dict[str, Any]:
    return {
        "at": event.at,
        "code": str(event.code),
        "type_code": str(event.type),
        "action": event.action,
        "outcome": event.outcome,
        "actor_kind": event.actor.kind,
        "actor_name": cut(_clean(event.actor.name)),
        "actor_id": _clean(event.actor.id),
        "actor_address": event.actor.address,
        "process": process,
        "request_id": event.request_id,
        "study_instance_uids": list(event.study_instance_uids),
        "patient_ids": [_clean(one) for one in event.patient_ids],
        "detail": json.loads(_clean(json.dumps(dict(event.detail)).replace("\\u0000", ""))),
    }


def _clean(text: str) -> str:
    # PostgreSQL has no place for a NUL in a text, and neither has XML.
    return text.replace("\0", "")


def subjects_of(
    study_instance_uids: Iterable[str], patient_ids: Iterable[str]
) -> dict[tuple[str, str], None]:
    """Kind and value of each study and patient under which an event is found."""
    named = (("study", study_instance_uids), ("patient", patient_ids))
    return dict.fromkeys(
        (kind, _clean(value)[:_SUBJECT_LENGTH]) for kind, values in named for value in values
    )


def _add_subjects(connection: Connection, events: Iterable[tuple[int, AuditEvent]]) -> None:
    subjects = [
        {"audit_id": audit_id, "kind": kind, "value": value}
        for audit_id, event in events
        for kind, value in subjects_of(event.study_instance_uids, event.patient_ids)
    ]
    if subjects:
        connection.execute(_insert(connection, t.audit_subject).on_conflict_do_nothing(), subjects)


def _insert(connection: Connection, table: Any = t.audit_event) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement: Insert = dialect.insert(table)
    return statement
