"""When the time of day was set; what waits for one, and what becomes of it when that is set back.

Leases, retries and pauses stand in the database as times of day, for many processes on several
machines share them. A clock that is set back by an hour would make all of them an hour longer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    bindparam,
    delete,
    select,
    true,
    update,
)

from storage import tables as t
from storage.db.engine import insert_or_update, reading, writing
from storage.outbox import tables as outbox

_WAITS: tuple[tuple[Column[datetime], ColumnElement[bool]], ...] = (
    *((one.until_column, one.is_open()) for one in outbox.ALL),
    (t.breaker.c.open_until, true()),
    (t.webhook_delivery.c.next_attempt_at, t.webhook_delivery.c.state == "PENDING"),
    (t.report_due.c.changed_at, true()),
    (t.prior_due.c.not_before, true()),
    (t.result_due.c.not_before, true()),
    (t.order_due.c.not_before, true()),
    (t.alert.c.next_repeat_at, t.alert.c.state == "OPEN"),
    (t.failed_attempt.c.blocked_until, true()),
    (t.idempotency_key.c.locked_until, true()),
)


@dataclass(frozen=True)
class ClockStep:
    """The time of day was set by so much, back where negative; `at` by its new time."""

    at: datetime
    by: timedelta


def note_step(engine: Engine, step: ClockStep) -> None:
    """In place of the one before. Raises StorageUnavailable."""
    with writing(engine) as connection:
        connection.execute(delete(t.clock_step))
        row = {"at": step.at, "seconds": round(step.by.total_seconds())}
        insert_or_update(connection, t.clock_step, [row], ["at"])


def last_step(engine: Engine) -> ClockStep | None:
    """Raises StorageUnavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(t.clock_step.c.at, t.clock_step.c.seconds)).first()
    return None if row is None else ClockStep(row.at, timedelta(seconds=row.seconds))


def move_waits(engine: Engine, by: timedelta, now: datetime) -> int:
    """Let all that waits wait for as long as it would have; how many do.

    A lease that was taken between the step of the clock and this moment ends
    too early; another may then do its work again. Raises StorageUnavailable.
    """
    return sum(_move(engine, column, waits, by, now) for column, waits in _WAITS)


def _move(
    engine: Engine,
    column: Column[datetime],
    waits: ColumnElement[bool],
    by: timedelta,
    now: datetime,
) -> int:
    table = column.table
    (key,) = table.primary_key.columns
    with writing(engine) as connection:
        rows = connection.execute(select(key, column).where(waits, column > now)).all()
        if rows:
            connection.execute(
                update(table)
                .where(key == bindparam("row_key"), column == bindparam("until"))
                .values({column.name: bindparam("earlier")}),
                [
                    {"row_key": row[0], "until": row[1], "earlier": max(now, row[1] - by)}
                    for row in rows
                ],
            )
    return len(rows)
