"""Looking things up in the trail."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, String, Text, cast, func, or_, select

from storage import tables as t
from storage.audit.events import ActorKind, AuditRecord
from storage.audit.rows import to_record
from storage.db.engine import reading
from storage.db.keyset import Keyset, SortColumn

_PAGE = 1000


@dataclass(frozen=True)
class AuditFilter:
    """What is wanted; empty fields ask for nothing."""

    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    actor: str = ""
    actor_kind: ActorKind | None = None
    code: str = ""
    """An event id or event type of DCM."""
    study_instance_uid: str = ""
    patient_id: str = ""
    request_id: str = ""
    outcome: int | None = None
    failures: bool = False
    """Whatever did not succeed."""
    text: str = ""
    """Within actor, address, request id or details."""


NEWEST_EVENTS = Keyset[AuditRecord](
    "audit",
    (
        SortColumn.of(t.audit_event.c.at, falls=True),
        SortColumn.of(t.audit_event.c.audit_id, falls=True),
    ),
)


def find_events(
    engine: Engine,
    wanted: AuditFilter,
    limit: int,
    offset: int,
    *,
    oldest_first: bool = False,
    beyond: ColumnElement[bool] | None = None,
) -> tuple[list[AuditRecord], int]:
    """A page of events, the newest first unless the oldest are wanted, and how many there are.

    `beyond` begins the page where another one ended (`NEWEST_EVENTS`).
    """
    conditions = _conditions(wanted)
    at, number = t.audit_event.c.at, t.audit_event.c.audit_id
    order = [at.asc(), number.asc()] if oldest_first else NEWEST_EVENTS.order()
    page = select(t.audit_event).where(*conditions, *(() if beyond is None else (beyond,)))
    with reading(engine) as connection:
        rows = connection.execute(page.order_by(*order).limit(limit).offset(offset)).mappings()
        found = [to_record(row) for row in rows]
        total = connection.execute(
            select(func.count()).select_from(t.audit_event).where(*conditions)
        ).scalar_one()
    return found, total


def event_of(engine: Engine, audit_id: int) -> AuditRecord | None:
    """The event of that number, where there is one."""
    with reading(engine) as connection:
        row = (
            connection.execute(select(t.audit_event).where(t.audit_event.c.audit_id == audit_id))
            .mappings()
            .first()
        )
    return None if row is None else to_record(row)


def all_events(engine: Engine, wanted: AuditFilter) -> Iterator[AuditRecord]:
    """Every event that fits, the oldest first, in constant memory."""
    after = 0
    while True:
        with reading(engine) as connection:
            rows = connection.execute(
                select(t.audit_event)
                .where(*_conditions(wanted), t.audit_event.c.audit_id > after)
                .order_by(t.audit_event.c.audit_id)
                .limit(_PAGE)
            ).mappings()
            page = [to_record(row) for row in rows]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].audit_id


def as_json(record: AuditRecord) -> str:
    """One event as a line of JSON."""
    return json.dumps(dataclasses.asdict(record), default=datetime.isoformat, ensure_ascii=False)


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    event = t.audit_event.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(event.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(event.at < wanted.until)
    if wanted.actor:
        conditions.append(or_(event.actor_name == wanted.actor, event.actor_id == wanted.actor))
    if wanted.actor_kind is not None:
        conditions.append(event.actor_kind == wanted.actor_kind)
    if wanted.code:
        conditions.append(or_(event.code == wanted.code, event.type_code == wanted.code))
    if wanted.request_id:
        conditions.append(event.request_id == wanted.request_id)
    if wanted.outcome is not None:
        conditions.append(event.outcome == wanted.outcome)
    if wanted.failures:
        conditions.append(event.outcome > 0)
    for kind, value in (("study", wanted.study_instance_uid), ("patient", wanted.patient_id)):
        if value:
            subject = t.audit_subject.c
            named = select(subject.audit_id).where(subject.kind == kind, subject.value == value)
            conditions.append(event.audit_id.in_(named))
    if wanted.text:
        conditions.append(_says(wanted.text))
    return conditions


def _says(text: str) -> ColumnElement[bool]:
    places: list[Any] = [
        t.audit_event.c.actor_name,
        t.audit_event.c.actor_address,
        t.audit_event.c.request_id,
        # As text, not as JSON's idea of a comparison.
        cast(cast(t.audit_event.c.detail, String), Text),
    ]
    wanted = text.lower()
    return or_(*(func.lower(place).contains(wanted, autoescape=True) for place in places))
