"""The only way to write the audit trail: cheap for callers, and no event is lost.

Events are written by a thread of their own, a batch a transaction; what the
database does not take waits on disk. Where the trail must fail closed they are
written before the caller goes on, and a failure to write is raised.
"""

import os
import socket
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage.audit.events import NODE, Actor, AuditEvent, Code, Type
from storage.audit.refusals import Refusals
from storage.audit.rows import WINDOW, Views, add_events, count_views, window_of, with_patients
from storage.audit.spool import Spool
from storage.audit.study_views import StudyViews, counted
from storage.core.callers.request_context import current_request_id
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, StorageUnavailable
from storage.db.driver_errors import is_clash
from storage.db.engine import reading, writing
from storage.index.series_provenance import note_series

log = structlog.get_logger(__name__)

_WINDOW_S = WINDOW.total_seconds()
_LINGER_S = 0.1
# Counts of views that are known already may come this late; their row is there.
_COUNT_EVERY_S = 5.0
_EVENTS_IN_MEMORY_AT_MOST = 20_000
_ATTEMPTS = 4
_SERIES_REMEMBERED = 10_000
_CHECKED_S = 1.0
_LOG_AGAIN_S = 60.0


class Audit:
    """One a process. Safe for threads; its own thread starts with the first event."""

    def __init__(self, engine: Engine, data_dir: Path, *, fail_closed: bool = False) -> None:
        self.fail_closed = fail_closed
        self._engine = engine
        self.spool = Spool(data_dir / "audit" / "spool")
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._pending_changed = threading.Condition()
        self._writing = threading.Lock()
        self._refusals = Refusals()
        self._events: list[AuditEvent] = []
        self._seen: dict[Hashable, StudyViews] = {}
        self._series: dict[str, str] = {}
        self._series_known: dict[str, str] = {}
        self._counted_at = 0.0
        self._checked_at = float("-inf")
        self._closing = False
        self._troubled = False
        self._lost = 0
        self._not_spooled_logged_s = float("-inf")
        self._thread: threading.Thread | None = None

    def record(self, event: AuditEvent) -> None:
        """Write one event. Raises StorageUnavailable, StorageFull where the trail fails closed."""
        event = _of_request(event)
        if self.fail_closed:
            with self._written_now() as connection:
                add_events(connection, [event], self._process)
            return
        with self._pending_changed:
            self._events.append(event)
            self._wake()

    def record_within(self, connection: Connection, event: AuditEvent) -> None:
        """Write one event in the caller's transaction: what it is about happens with its record
        or not at all. Raises StorageUnavailable.
        """
        with _unwritten_is_unavailable():
            add_events(connection, [_of_request(event)], self._process)

    def viewed(self, actor: Actor, study_instance_uid: str, via: str, occurrences: int = 1) -> None:
        """Count a look at a study: one row for each actor, study, way and minute.

        Rows are shared by all processes. The first look of a minute is written
        like any event; the others are counted in memory and follow within
        seconds. Raises what `record` raises.
        """
        key = (actor, study_instance_uid, via, int(time.time() // _WINDOW_S))
        if self._counted(key, occurrences):
            return
        event = AuditEvent(
            Code.INSTANCES_ACCESSED,
            "R",
            actor,
            study_instance_uids=(study_instance_uid,),
            detail={"via": via},
        )
        self._begin(key, event, occurrences)

    def repeated(self, event: AuditEvent) -> None:
        """Count what a page asks again and again, as `viewed` does: what is alike in all but its
        time and its request shares a row within a minute.
        """
        key, _ = window_of(event)
        if not self._counted(key, 1):
            self._begin(key, event, 1)

    def without_effect(self, event: AuditEvent) -> None:
        """Count what was refused, or changed nothing: `repeated`, and within a minute no more rows
        than `storage.audit.refusals` has room for, however much of it comes.
        """
        self.repeated(self._refusals.row_of(event))

    def _counted(self, key: Hashable, occurrences: int) -> bool:
        with self._pending_changed:
            seen = self._seen.get(key)
            if seen is None or (self.fail_closed and not seen.written):
                return False
            if not seen.occurrences:
                self._wake()
            seen.occurrences += occurrences
            return True

    def _begin(self, key: Hashable, event: AuditEvent, occurrences: int) -> None:
        new = StudyViews(_of_request(event), *window_of(event), occurrences)
        if self.fail_closed:
            with self._written_now() as connection:
                count_views(connection, [new.take()], self._process)
        with self._pending_changed:
            known = self._seen.setdefault(key, new)
            if known is not new:
                known.occurrences += new.occurrences
                known.written = known.written or new.written
            self._wake()

    def series_came(self, series_instance_uid: str) -> None:
        """Remember the request at hand as the one that brings instances of the series."""
        request_id = current_request_id()
        if not request_id or self._series_known.get(series_instance_uid) == request_id:
            return
        with self._pending_changed:
            if len(self._series_known) >= _SERIES_REMEMBERED:
                self._series_known.clear()
            self._series_known[series_instance_uid] = request_id
            self._series[series_instance_uid] = request_id
            self._wake()

    def check(self) -> None:
        """Raise, before a change that must not happen unrecorded, where the trail fails closed
        and takes nothing just now.
        """
        if not self.fail_closed or time.monotonic() - self._checked_at < _CHECKED_S:
            return
        with self._written_now() as connection:
            attempt = connection.begin_nested()
            probe = AuditEvent(Code.APPLICATION_ACTIVITY, "E", NODE)
            add_events(connection, [probe], self._process)
            attempt.rollback()
        self._checked_at = time.monotonic()

    @contextmanager
    def running(self, role: str) -> Iterator[None]:
        """Record that a role of the node started, and that it ended.

        Raises StorageUnavailable where the trail fails closed: then the role must not start.
        """
        self.record(_activity(Type.APPLICATION_START, role))
        try:
            yield
        finally:
            try:
                self.record(_activity(Type.APPLICATION_STOP, role))
            except MediViewError as error:
                log.error("audit_not_written", error=error.code)

    def patients_of(self, study_instance_uids: Sequence[str]) -> tuple[str, ...]:
        """Patient IDs of studies that are about to be deleted. Raises StorageUnavailable."""
        probe = AuditEvent(
            Code.STUDY_DELETED, "D", NODE, study_instance_uids=tuple(study_instance_uids)
        )
        with reading(self._engine) as connection:
            return with_patients(connection, [probe])[0].patient_ids

    def flush(self) -> None:
        """Write all pending events, or leave them on disk."""
        self._write(everything=True)

    def close(self) -> None:
        """Write all pending events, and end the thread."""
        with self._pending_changed:
            self._closing = True
            self._pending_changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    @contextmanager
    def _written_now(self) -> Iterator[Connection]:
        """A transaction for what must be written now; whatever prevents it is one cause."""
        with _unwritten_is_unavailable(), writing(self._engine) as connection:
            yield connection

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
            self._thread.start()
        self._pending_changed.notify_all()

    def _run(self) -> None:
        while not self._closing:
            with self._pending_changed:
                while not self._closing and not self._is_due():
                    # Without counts of looks nothing becomes due by itself.
                    has_counts = any(one.occurrences for one in self._seen.values())
                    self._pending_changed.wait(_COUNT_EVERY_S if has_counts else None)
            # Events of the next moment share the transaction.
            time.sleep(_LINGER_S)
            self._write(everything=False)

    def _is_due(self) -> bool:
        if self._events or self._series:
            return True
        late = time.monotonic() - self._counted_at >= _COUNT_EVERY_S
        return any(one.occurrences and (late or not one.written) for one in self._seen.values())

    def _take(self, everything: bool) -> tuple[list[AuditEvent], list[Views], dict[str, str]]:
        with self._pending_changed:
            events, self._events = self._events, []
            series, self._series = self._series, {}
            late = everything or time.monotonic() - self._counted_at >= _COUNT_EVERY_S
            views = [
                one.take()
                for one in self._seen.values()
                if one.occurrences and (late or not one.written)
            ]
            if late:
                self._counted_at = time.monotonic()
                now = utcnow()
                self._seen = {key: one for key, one in self._seen.items() if one.ends_at > now}
        return events, views, series

    def _write(self, *, everything: bool) -> None:
        # One after the other: who flushes waits for what is being written.
        with self._writing:
            self._write_taken(*self._take(everything))

    def _write_taken(
        self, events: list[AuditEvent], views: list[Views], series: dict[str, str]
    ) -> None:
        if not (events or views or series):
            return
        try:
            for attempts_left in reversed(range(_ATTEMPTS)):
                try:
                    with writing(self._engine) as connection:
                        add_events(connection, events, self._process)
                        count_views(connection, views, self._process)
                        note_series(connection, series, utcnow())
                    break
                except DBAPIError as error:
                    if not attempts_left or not is_clash(error):
                        raise
            self._troubled = False
        except Exception as error:  # noqa: BLE001 - the edge of the thread: no event may be lost
            self._put_aside([*events, *(counted(one) for one in views)], error)

    def _put_aside(self, events: list[AuditEvent], error: Exception) -> None:
        if not self._troubled:
            kind = error.code if isinstance(error, MediViewError) else type(error).__name__
            log.error("audit_not_written", error=kind)
        self._troubled = True
        if not events:
            return
        try:
            self.spool.put(events)
        except MediViewError as second:
            with self._pending_changed:
                room = max(_EVENTS_IN_MEMORY_AT_MOST - len(self._events), 0)
                self._events[:0] = events[:room]
            self._log_not_spooled(second.code, max(len(events) - room, 0))
            time.sleep(_LINGER_S)

    def _log_not_spooled(self, error: str, lost: int) -> None:
        """Once a minute: it is tried ten times a second, and a full disk has no room for a log."""
        self._lost += lost
        if time.monotonic() - self._not_spooled_logged_s < _LOG_AGAIN_S:
            return
        self._not_spooled_logged_s = time.monotonic()
        log.error("audit_not_spooled", error=error, lost=self._lost)
        self._lost = 0


@contextmanager
def _unwritten_is_unavailable() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StorageUnavailable(
            "The audit trail cannot be written.",
            remedy="Check the database; MEDIVIEW_AUDIT_FAIL_CLOSED makes this a refusal.",
        ) from error


def _of_request(event: AuditEvent) -> AuditEvent:
    request_id = event.request_id or current_request_id()
    return event if request_id == event.request_id else replace(event, request_id=request_id)


def _activity(kind: Type, role: str) -> AuditEvent:
    return AuditEvent(Code.APPLICATION_ACTIVITY, "E", NODE, type=kind, detail={"what": role})
