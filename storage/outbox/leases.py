"""Who may work on a row, and until when.

A lease is short and renewed as long as its owner works: the renewals are the owner's
heartbeat, and the row of a killed process is free once the lease has ended. One `UPDATE`
with the condition that the row is due decides who gets it.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    case,
    or_,
    select,
    update,
)

from storage.core.clock import utcnow
from storage.core.errors import MediViewError

log = structlog.get_logger(__name__)

LEASE_S = 30.0
_RENEWALS_PER_LEASE = 5
OWNER_ENDED = "The process that was sending it ended in the middle, so it is sent again."


def lease_since(round_began_at: datetime) -> float:
    """Seconds of a lease that is counted from the beginning of a round, however old that is."""
    return LEASE_S + max(0.0, (utcnow() - round_began_at).total_seconds())


class LeaseLost(Exception):
    """The row is no longer its worker's: it ended, was cancelled, or another has it."""


@dataclass(frozen=True)
class LeasedTable:
    """How rows of one table are leased.

    `until`: the column with the time before which nobody takes the row. Of a row that is
    being worked on, it is the end of the lease; of one that waits, its next attempt. Empty
    in a row that may be taken at any time.
    `waiting`, `working`: the states of such rows; empty where the table has none.
    """

    table: Table
    until: str = "next_attempt_at"
    waiting: str = "PENDING"
    working: str = "SENDING"
    counts_attempts: bool = True

    @property
    def states(self) -> tuple[str, ...]:
        """Those in which something is still to be done."""
        return tuple(dict.fromkeys(one for one in (self.waiting, self.working) if one))

    @property
    def until_column(self) -> Column[Any]:
        return self.table.c[self.until]

    def is_open(self) -> ColumnElement[bool]:
        return and_(True, *([self.table.c.state.in_(self.states)] if self.states else []))

    def is_due(self, now: datetime) -> ColumnElement[bool]:
        """What may be taken: its time has come, or its owner stopped renewing."""
        ended = self.until_column <= now
        if self.until_column.nullable:
            ended = or_(self.until_column.is_(None), ended)
        return and_(self.is_open(), ended)

    def is_still_due(self, now: datetime) -> ColumnElement[bool]:
        """As `is_due`, of rows that are named otherwise: no index is looked through for it."""
        return case((self.is_due(now), 1), else_=0) == 1

    def is_owned(self, owner: str) -> ColumnElement[bool]:
        """What `owner` works on, and nobody has taken since."""
        owned = [self.table.c.lease_owner == owner]
        if self.working:
            owned.append(self.table.c.state == self.working)
        return and_(*owned)

    def taken(self, owner: str, lease_s: float, now: datetime) -> dict[str, Any]:
        """Values of a row that `owner` works on until the lease ends."""
        values: dict[str, Any] = {
            "lease_owner": owner,
            self.until: now + timedelta(seconds=lease_s),
        }
        if self.working:
            values["state"] = self.working
        if self.counts_attempts:
            values["attempts"] = self.table.c.attempts + 1
        if "updated_at" in self.table.c:
            values["updated_at"] = now
        if "last_error" in self.table.c and self.working != self.waiting:
            was_taken = self.table.c.state == self.working
            values["last_error"] = case((was_taken, OWNER_ENDED), else_=self.table.c.last_error)
        return values

    def take_first(
        self,
        connection: Connection,
        owner: str,
        lease_s: float,
        now: datetime,
        *conditions: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]],
        **values: Any,
    ) -> RowMapping | None:
        """Let `owner` work on the first due row; None where none is due or another was quicker.

        `values`: of the row that is taken, beside those of the lease.
        """
        (key,) = self.table.primary_key.columns
        due = self.is_due(now)
        first = connection.execute(
            select(key).where(due, *conditions).order_by(*order).limit(1)
        ).scalar()
        if first is None:
            return None
        # The condition again: on PostgreSQL another may have taken it meanwhile.
        taken = (
            update(self.table)
            .where(key == first, due)
            .values(**self.taken(owner, lease_s, now), **values)
            .returning(*self.table.c)
        )
        return connection.execute(taken).mappings().first()

    def take(
        self,
        connection: Connection,
        owner: str,
        lease_s: float,
        now: datetime,
        row: ColumnElement[bool],
    ) -> bool:
        """Let `owner` work on one row; False where it is not due, or another was quicker."""
        result = connection.execute(
            update(self.table)
            .where(row, self.is_due(now))
            .values(**self.taken(owner, lease_s, now))
        )
        return bool(result.rowcount)

    def released(self, until: datetime | None = None) -> Mapping[str, Any]:
        """Values of a row that nobody works on any more. `until`: nobody takes it before."""
        return {"lease_owner": "", self.until: until}

    def renew(
        self,
        connection: Connection,
        owner: str,
        lease_s: float,
        now: datetime,
        *rows: ColumnElement[bool],
    ) -> bool:
        """Lengthen the lease of `owner`; False when there is nothing left that is its own."""
        result = connection.execute(
            update(self.table)
            .where(self.is_owned(owner), *rows)
            .values({self.until: now + timedelta(seconds=lease_s)})
        )
        return bool(result.rowcount)


class Lease:
    """Renews from a thread, since native code of a model may run for longer than a lease.

    `renew` says whether the lease still was its owner's; `what` names it in the log. `on_lost` is
    called in the thread once it was not.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        what: str,
        lease_s: float = LEASE_S,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._renew = renew
        self._what = what
        self._lease_s = lease_s
        self._on_lost = on_lost
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{what}-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost once the lease is known to be lost."""
        if self._lost.is_set():
            raise LeaseLost(self._what)

    def ensure(self) -> None:
        """Renew it now. Raises LeaseLost, also where asking took as long as the lease lasts.

        For a step that must not be done beside another owner: the thread that renews was stopped
        together with this one. Raises StorageUnavailable.
        """
        self.check()
        began_s = time.monotonic()
        if not self._renew() or time.monotonic() - began_s >= self._lease_s:
            raise LeaseLost(self._what)

    def _run(self) -> None:
        while not self._done.wait(self._lease_s / _RENEWALS_PER_LEASE):
            try:
                owned = self._renew()
            except MediViewError as error:
                # The next renewal may succeed before the lease ends; if it ends and another
                # takes the row, that renewal says so.
                log.warning("lease_not_renewed", what=self._what, error=error.code)
                continue
            except Exception as error:
                # The edge of the thread: ended, it would not notice that another takes the row.
                cause = type(error).__name__
                log.error("lease_not_renewed", what=self._what, error=cause, exc_info=True)
                continue
            if not owned:
                log.info("lease_lost", what=self._what)
                self._lost.set()
                self._on_lost()
                return
