"""What happened, in order: the source of live events, resumable by number."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Event, EventTopic
from storage.db.engine import reading, writing
from storage.db.json_text import JsonText
from storage.events.row_mapping import to_event

_EVENT_LOCK = 0x6D766576


def add_event(
    connection: Connection,
    now: datetime,
    topic: EventTopic,
    study_instance_uid: str,
    *,
    job_id: str | None = None,
    payload: Mapping[str, Any] | JsonText,
    caused_by: str = "",
) -> None:
    """Note an event in the transaction that makes it true.

    `caused_by`: whose request it was, where what one may cause is bounded.
    """
    kept = payload if isinstance(payload, JsonText) else dict(payload)
    if connection.dialect.name == "postgresql":
        # Numbers are given out before transactions commit. Without this lock a reader
        # could see a later event, and then never the earlier one.
        connection.execute(select(func.pg_advisory_xact_lock(_EVENT_LOCK)))
    connection.execute(
        insert(t.event).values(
            at=now,
            topic=topic,
            study_instance_uid=study_instance_uid,
            job_id=job_id,
            payload=kept,
            caused_by=caused_by,
            size_bytes=len(kept) if isinstance(kept, JsonText) else 0,
        )
    )


class Events:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(
        self,
        event_id: int,
        *,
        job_id: str | None = None,
        study_instance_uid: str | None = None,
        topics: Sequence[EventTopic] = (),
        limit: int = 200,
    ) -> list[Event]:
        """Events after `event_id`, oldest first; without `topics` those of all."""
        query = select(t.event).where(t.event.c.event_id > event_id)
        if job_id is not None:
            query = query.where(t.event.c.job_id == job_id)
        if study_instance_uid is not None:
            query = query.where(t.event.c.study_instance_uid == study_instance_uid)
        if topics:
            query = query.where(t.event.c.topic.in_(topics))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.event.c.event_id).limit(limit))
            return [to_event(row) for row in rows.mappings()]

    def oldest_id(self) -> int:
        """The number of the oldest event that is kept, 0 where there is none."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.min(t.event.c.event_id))).scalar() or 0

    def announce(
        self, topic: EventTopic, payload: Mapping[str, Any], study_instance_uid: str = ""
    ) -> None:
        """Tell what needs no row of its own, such as how far something is."""
        with writing(self._engine) as connection:
            add_event(connection, utcnow(), topic, study_instance_uid, payload=payload)

    def prune(self, before: datetime) -> int:
        """Forget events from before that time but for the newest one, which keeps the count.

        With them who could see those of studies that were deleted by then.
        """
        newest = select(func.max(t.event.c.event_id)).scalar_subquery()
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.event).where(t.event.c.at < before, t.event.c.event_id < newest)
            )
            connection.execute(
                delete(t.former_study_group).where(t.former_study_group.c.left_at < before)
            )
            return gone.rowcount

    def last_id(self) -> int:
        """The number of the newest event, 0 before the first."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.max(t.event.c.event_id))).scalar() or 0
