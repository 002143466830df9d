"""One round of what keeps the trail: bring in, seal, tell, cut off, anchor."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine, select

from storage import tables as t
from storage.audit.anchors import anchor_file
from storage.audit.chain import (
    FIRST_HASH,
    Keys,
    Link,
    adopt,
    cut,
    link,
    links,
    seal,
    set_link,
    why_distrusted,
)
from storage.audit.events import NODE, SERIOUS_FAILURE, AuditEvent, Code
from storage.audit.keys import keys_to_seal
from storage.audit.messages import AuditSource, audit_message
from storage.audit.rows import add_events, to_record
from storage.audit.sinks import Sink, open_sinks
from storage.audit.spool import done, make_private, private_file
from storage.audit.trail_writer import Audit
from storage.core.errors import MediViewError
from storage.db.engine import reading, reading_one_state, writing
from storage.db.locks.advisory_lock import only_one
from storage.settings import Settings
from storage.volumes.files import translated_os_errors

log = structlog.get_logger(__name__)

_SENT_AT_ONCE = 200
_ROUNDS_AT_ONCE = 50
_ANCHOR_EVERY = timedelta(minutes=1)
_LOCK = 0x6D76_6174


def bring_in_spool(engine: Engine, audit: Audit, data_dir: Path, host: int) -> None:
    """What this host could not write while the database was away, beside the keeper of another.

    Raises StorageUnavailable.
    """
    with only_one(engine, data_dir / "audit.lock", _LOCK + (host << 31)) as mine:
        if mine:
            _bring_in(engine, audit)


def _bring_in(engine: Engine, audit: Audit) -> None:
    for path, events, unreadable in audit.spool.waiting():
        with writing(engine) as connection:
            add_events(connection, events, "spool")
        done(path, unreadable)


class AuditKeeper:
    """Remembers between rounds what failed. Safe for threads: a round never overlaps another."""

    def __init__(self, engine: Engine, settings: Settings, audit: Audit) -> None:
        self._engine = engine
        self._settings = settings
        self._audit = audit
        self._keys = Keys()
        self._source = audit_source(settings)
        self._sinks: list[Sink] | None = None
        self._out: set[str] = set()
        """Steps that failed last time: an outage is logged once."""
        self._anchored: tuple[datetime, int] | None = None

    def round(self, now: datetime, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Do what is due; False where another process is at it. Errors are logged."""
        settings = self._settings
        try:
            with only_one(self._engine, settings.data_dir / "audit.lock", _LOCK) as mine:
                if not mine:
                    return False
                self._try("spool", self._bring_in)
                self._try("seal", lambda: self._seal(now))
                if not self._keys.secrets:
                    # Nothing is signed without a key, and what is cut off must be.
                    return True
                if self._sinks is None:
                    self._try("sinks", self._open_sinks)
                for sink in self._sinks or ():
                    self._try(sink.name, lambda sink=sink: self._tell(sink, now, stopping))  # type: ignore[misc]
                self._try("cut", lambda: self._cut(now))
                self._try("anchor", lambda: self._anchor(now))
                return True
        except MediViewError as error:
            self._failed("lock", error)
            return False

    @property
    def is_troubled(self) -> bool:
        """Whether something failed in the last round, and is tried again in the next."""
        return bool(self._out)

    def close(self) -> None:
        """Leave the sinks."""
        for sink in self._sinks or ():
            sink.close()

    def _bring_in(self) -> None:
        _bring_in(self._engine, self._audit)

    def _seal(self, now: datetime) -> None:
        # Again each round: an operator may have made a new one.
        self._keys = keys_to_seal(self._settings)
        if adopt(self._engine, self._keys, now):
            log.info("audit_chain_keyed", key=self._keys.current)
        while seal(self._engine, self._keys, now):
            pass

    def _open_sinks(self) -> None:
        self._sinks = open_sinks(self._settings)

    def _tell(self, sink: Sink, now: datetime, stopping: Callable[[], bool]) -> None:
        """Send the sink what it has not got, in order; its position is stored in the database."""
        engine = self._engine
        self._distrust(sink, now)
        for _ in range(_ROUNDS_AT_ONCE):
            if stopping():
                return
            with reading(engine) as connection:
                done = link(connection, sink.name) or Link(0, FIRST_HASH)
                rows = connection.execute(
                    select(t.audit_event)
                    .where(t.audit_event.c.chain_index > done.position)
                    .order_by(t.audit_event.c.chain_index)
                    .limit(_SENT_AT_ONCE)
                )
                records = [to_record(row) for row in rows.mappings()]
            if not records:
                return
            sent = sink.put([(one.at, audit_message(one, self._source)) for one in records])
            last = records[sent - 1]
            place = Link(last.chain_index or 0, last.chain_hash)
            with writing(engine) as connection:
                set_link(connection, sink.name, place, self._keys, now)

    def _distrust(self, sink: Sink, now: datetime) -> None:
        """Have a sink that somebody kept from something given everything again."""
        with reading_one_state(self._engine) as connection:
            base = link(connection, "base") or Link(0, FIRST_HASH)
            head = link(connection, "head") or Link(0, FIRST_HASH)
            why = why_distrusted(connection, self._keys, sink.name, base, head)
        if not why:
            return
        log.error("audit_sink_distrusted", sink=sink.name, detail=why)
        with writing(self._engine) as connection:
            set_link(connection, sink.name, base, self._keys, now)
        self._audit.record(
            AuditEvent(
                Code.SECURITY_ALERT, "E", NODE, outcome=SERIOUS_FAILURE, detail={"what": why}
            )
        )

    def _cut(self, now: datetime) -> None:
        """Remove what is older than it has to be kept, and say so in the trail."""
        settings, engine = self._settings, self._engine
        if not settings.audit_retention_days:
            return
        with reading(engine) as connection:
            head = link(connection, "head") or Link(0, FIRST_HASH)
            sent = links(connection, [sink.name for sink in self._sinks or ()])
        before = now - timedelta(days=settings.audit_retention_days)
        while removed := cut(engine, self._keys, before, min([head.position, *sent]), now):
            self._audit.record(
                AuditEvent(
                    Code.AUDIT_LOG_USED,
                    "D",
                    NODE,
                    detail={
                        "what": "audit trail",
                        "removed": removed,
                        "before": before.date().isoformat(),
                    },
                )
            )

    def _anchor(self, now: datetime) -> None:
        """Note the head outside of the database, in a file and in the log."""
        if self._anchored is not None and timedelta() <= now - self._anchored[0] < _ANCHOR_EVERY:
            return
        with reading(self._engine) as connection:
            head = link(connection, "head")
        if head is None or (self._anchored is not None and self._anchored[1] == head.position):
            return
        path = anchor_file(self._settings)
        with translated_os_errors(path.parent):
            make_private(path.parent)
            with private_file(path, "a") as file:
                line = {"position": head.position, "hash": head.hash, "at": now.isoformat()}
                file.write(json.dumps(line) + "\n")
        log.info("audit_anchored", position=head.position, hash=head.hash)
        self._anchored = (now, head.position)

    def _try(self, step: str, work: Callable[[], None]) -> None:
        try:
            work()
        except MediViewError as error:
            self._failed(step, error)
            return
        except OSError as error:
            log.error("audit_keeping_failed", step=step, error=type(error).__name__)
            return
        if step in self._out:
            self._out.discard(step)
            log.info("audit_keeping_recovered", step=step)

    def _failed(self, step: str, error: MediViewError) -> None:
        if step not in self._out:
            self._out.add(step)
            log.error("audit_keeping_failed", step=step, error=error.code, detail=error.message)


def audit_source(settings: Settings) -> AuditSource:
    """Who the messages say they come from."""
    return AuditSource(
        settings.audit_source_id or settings.ae_title, settings.audit_site_id, settings.ae_title
    )
