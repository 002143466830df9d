"""A list of studies that the node's clock works off.

Each is on it once, however often it is marked, in the transaction that makes it due, so that a
process that ends loses none.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    literal,
    select,
    update,
)

from storage.db.engine import insert_into, reading, writing

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StudyDue:
    study_instance_uid: str
    changed_at: datetime
    attempts: int
    """How often it failed since."""


class StudiesDue:
    """`table` has the columns of `prior_due` and `result_due`."""

    def __init__(self, engine: Engine, table: Table) -> None:
        self._engine = engine
        self._table = table

    def due(self, now: datetime, limit: int) -> list[StudyDue]:
        """The longest due first."""
        due = self._table.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(due.study_instance_uid, due.changed_at, due.attempts)
                .where(due.not_before <= now)
                .order_by(due.not_before, due.study_instance_uid)
                .limit(limit)
            )
            return [StudyDue(*row) for row in rows]

    def done(self, one: StudyDue) -> None:
        """Forget it, unless something changed again meanwhile."""
        with writing(self._engine) as connection:
            connection.execute(delete(self._table).where(self._is_unchanged(one)))

    def failed(self, one: StudyDue, again_at: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(self._table)
                .where(self._is_unchanged(one))
                .values(attempts=self._table.c.attempts + 1, not_before=again_at)
            )

    def put_off(self, now: datetime, every: timedelta, forget_before: datetime) -> None:
        """Nobody asks now; what changed long before somebody does is not looked at.

        What is due is so again where the next `every` begins, counted from 1970: all at once, and
        what waits for that already is left alone.
        """
        due = self._table.c
        until = _BEGINNING + ((now - _BEGINNING) // every + 1) * every
        with writing(self._engine) as connection:
            connection.execute(delete(self._table).where(due.changed_at < forget_before))
            connection.execute(
                update(self._table).where(due.not_before <= now).values(not_before=until)
            )

    def _is_unchanged(self, one: StudyDue) -> ColumnElement[bool]:
        due = self._table.c
        return and_(
            due.study_instance_uid == one.study_instance_uid, due.changed_at == one.changed_at
        )


def mark_due(connection: Connection, table: Table, studies: Select[str], now: datetime) -> None:
    """Put on the list of `table` what `studies` selects: their UIDs."""
    # In one order, so that two who mark the same studies do not wait for each other.
    due = table.c
    rows = studies.add_columns(
        literal(now, due.changed_at.type), literal(now, due.not_before.type), literal(0)
    ).order_by(studies.selected_columns[0])
    names = ["study_instance_uid", "changed_at", "not_before", "attempts"]
    insert = insert_into(connection, table).from_select(names, rows)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["study_instance_uid"],
            set_={name: insert.excluded[name] for name in names[1:]},
        )
    )
