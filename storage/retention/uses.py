"""When a study was used last, to the hour: read from the audit trail, off every request's path.

The trail knows who opened, fetched, searched within or changed a study. It may be removed earlier
than the study (`MEDIVIEW_AUDIT_RETENTION_DAYS`), so the last use of each study is noted.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, select, update

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions

_EVENTS_AT_ONCE = 5000
_COARSE = timedelta(hours=1)
# A transaction with a lower number may be committed later, but not by so much.
_SETTLED = timedelta(minutes=5)


class StudyUses:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_trail(self, now: datetime) -> bool:
        """Note uses since the last time; whether more of the trail waits.

        What programs of the node do is no use; `StudyAttributes` adds the end of jobs.
        """
        with reading(self._engine) as connection:
            state = read_state(connection)
            after = state["next_audit_id"] if state else 0
            settled = state["audit_id"] if state else 0
            newest = connection.execute(select(func.max(t.audit_event.c.audit_id))).scalar() or 0
            # Those that were not settled last time are read once more.
            upto = min(max(after, settled) + _EVENTS_AT_ONCE, newest)
            uses = _uses_between(connection, settled, upto)
        with writing(self._engine) as connection:
            for portion in in_portions(uses):
                _note(connection, {uid: uses[uid] for uid in portion})
            values: dict[str, Any] = {"next_audit_id": upto}
            if (
                upto < newest
                or state is None
                or not timedelta() <= now - state["read_at"] < _SETTLED
            ):
                values |= {"audit_id": after, "read_at": now}
            write_state(connection, now, values)
        return upto < newest

    def is_up_to_date(self) -> bool:
        """Whether the whole trail was read, so that a study without a use has none."""
        with reading(self._engine) as connection:
            state = read_state(connection)
            newest = connection.execute(select(func.max(t.audit_event.c.audit_id))).scalar() or 0
            return state is not None and newest - state["next_audit_id"] < _EVENTS_AT_ONCE


def read_state(connection: Connection) -> RowMapping | None:
    return connection.execute(select(t.retention_state)).mappings().first()


def write_state(connection: Connection, now: datetime, values: dict[str, Any]) -> None:
    begun = {"id": 1, "audit_id": 0, "next_audit_id": 0, "read_at": now, "round": {}}
    if not insert_or_ignore(connection, t.retention_state, begun | values):
        connection.execute(update(t.retention_state).values(**values))


def _uses_between(connection: Connection, after: int, upto: int) -> dict[str, datetime]:
    event, subject = t.audit_event.c, t.audit_subject.c
    rows = connection.execute(
        select(subject.value, func.max(event.at))
        .join_from(t.audit_event, t.audit_subject, subject.audit_id == event.audit_id)
        .where(
            event.audit_id > after,
            event.audit_id <= upto,
            event.actor_kind != "node",
            event.outcome == 0,
            subject.kind == "study",
        )
        .group_by(subject.value)
    )
    return {uid: at for uid, at in rows}  # noqa: C416 - rows are no pairs for mypy


def _note(connection: Connection, uses: dict[str, datetime]) -> None:
    known = connection.execute(
        select(t.study.c.study_instance_uid, t.study_use.c.used_at)
        .outerjoin(t.study_use, t.study_use.c.study_instance_uid == t.study.c.study_instance_uid)
        .where(t.study.c.study_instance_uid.in_(list(uses)))
    ).all()
    for uid, before in known:
        at = uses[uid]
        if before is not None and at - before < _COARSE:
            continue
        row = {"study_instance_uid": uid, "used_at": at}
        if not insert_or_ignore(connection, t.study_use, row):
            connection.execute(
                update(t.study_use)
                .where(t.study_use.c.study_instance_uid == uid)
                .values(used_at=at)
            )
        # Its place among those that leave early, as it was when the rules were asked.
        decided = t.study_retention
        connection.execute(
            update(decided)
            .where(decided.c.study_instance_uid == uid, decided.c.last_needed_at < at)
            .values(last_needed_at=at)
        )
