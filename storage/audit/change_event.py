"""The event of a change, in the transaction that makes the change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from storage.audit.events import AuditEvent
from storage.audit.trail_writer import Audit
from storage.db.joined_writes import JoinedWrite, joining_next_transaction


@dataclass(eq=False)
class JoinedRecord:
    """An event that the first transaction of somebody's work takes along, where there is one.

    `event` is asked as a transaction is about to be committed; None: not with this one.
    """

    audit: Audit
    event: Callable[[], AuditEvent | None]
    _joined: JoinedWrite | None = None

    @property
    def is_committed(self) -> bool:
        return self._joined is not None and self._joined.is_committed

    @contextmanager
    def with_change(self) -> Iterator[None]:
        with joining_next_transaction(self._write) as self._joined:
            yield

    def _write(self, connection: Connection) -> bool:
        event = self.event()
        if event is not None:
            self.audit.record_within(connection, event)
        return event is not None


@contextmanager
def record_of_change(audit: Audit, event: AuditEvent) -> Iterator[None]:
    """Around one change: the event is committed with it, so that a crash leaves both or neither.

    A change that fails leaves no event. Where nothing had to be written, the event is recorded
    by itself. Raises StorageUnavailable.
    """
    with record_of_noted_change(audit, lambda: event):
        yield


@contextmanager
def record_of_noted_change(audit: Audit, event: Callable[[], AuditEvent]) -> Iterator[None]:
    """The same of an event that states what the change found; it is asked when all is changed."""
    record = JoinedRecord(audit, event)
    with record.with_change():
        yield
    if not record.is_committed:
        audit.record(event())
