"""Studies whose report must be drafted (again): a small list that the node's clock works off."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, Engine, Select, delete, exists, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from storage import tables as t
from storage.core.entities import OPEN_STATES
from storage.db.engine import insert_into, reading, writing


def mark_report_due(connection: Connection, study_instance_uid: str, now: datetime) -> None:
    """Note, in the transaction that makes it true, that what a report rests on has changed."""
    if not study_instance_uid:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"study_instance_uid": study_instance_uid, "changed_at": now}
    connection.execute(
        dialect.insert(t.report_due)
        .values(**values)
        .on_conflict_do_update(index_elements=["study_instance_uid"], set_={"changed_at": now})
    )


def mark_reports_due(connection: Connection, studies: Select[str], now: datetime) -> None:
    """As `mark_report_due`, of those that `studies` selects (their UIDs) and that hold findings,
    lesions or a report."""
    chosen = studies.subquery()
    uid = chosen.c[0]
    # In one order, so that two who mark the same studies do not wait for each other.
    rows = (
        select(uid, literal(now, t.report_due.c.changed_at.type))
        .where(
            or_(
                *(
                    exists().where(table.c.study_instance_uid == uid)
                    for table in (t.finding, t.lesion, t.report)
                )
            )
        )
        .order_by(uid)
    )
    names = ["study_instance_uid", "changed_at"]
    insert = insert_into(connection, t.report_due).from_select(names, rows)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["study_instance_uid"], set_={"changed_at": insert.excluded.changed_at}
        )
    )


class DraftQueue:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mark(self, study_instance_uid: str, now: datetime) -> None:
        with writing(self._engine) as connection:
            mark_report_due(connection, study_instance_uid, now)

    def due(
        self, waited_since: datetime, limit: int, but: AbstractSet[str] = frozenset()
    ) -> list[tuple[str, datetime]]:
        """Studies of which nothing runs, or that changed before `waited_since`, oldest first; `but`
        leaves some out."""
        running = exists().where(
            t.job.c.study_instance_uid == t.report_due.c.study_instance_uid,
            t.job.c.state.in_(OPEN_STATES),
        )
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.report_due.c.study_instance_uid, t.report_due.c.changed_at)
                .where(
                    ~running | (t.report_due.c.changed_at <= waited_since),
                    t.report_due.c.study_instance_uid.not_in(but),
                )
                .order_by(t.report_due.c.changed_at)
                .limit(limit)
            )
            return [(row[0], row[1]) for row in rows]

    def done(self, study_instance_uid: str, changed_at: datetime) -> None:
        """Forget it, unless something changed again meanwhile."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.report_due).where(
                    t.report_due.c.study_instance_uid == study_instance_uid,
                    t.report_due.c.changed_at == changed_at,
                )
            )
