"""Whether the database takes changes, asked at a price that can be paid every few seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_into, make_engine, writing
from storage.db.sqlite_files.failing_disk import failure_mark

_ROW = "index-write"


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """The database for as long as the block lasts, without the storage around it."""
    engine = make_engine(database_url)
    try:
        yield engine
    finally:
        engine.dispose()


class WriteCheck:
    """On PostgreSQL one row is written each time. A commit to SQLite would wake all who wait for
    work (`storage.db.due.commit_watch`), so its lock alone is taken, and a row is written where
    some process has failed to write since the last one that was.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        database = engine.url.database if engine.dialect.name == "sqlite" else None
        self._mark = failure_mark(Path(database)) if database else None
        # A failure of before this process counts, too.
        self._written_after_ns = 0

    def run(self, on_lock: Callable[[], None] = lambda: None, *, thoroughly: bool = False) -> None:
        """`on_lock` is called once changes may be made. `thoroughly`: write a row in any case.

        Waits for a lock as long as every change does. Raises StorageUnavailable or StorageFull.
        """
        failed_at_ns = self._failed_at_ns()
        with writing(self._engine) as connection:
            if self._mark is None:
                connection.execute(text("SET LOCAL statement_timeout = '30s'"))
            on_lock()
            if thoroughly or self._mark is None or failed_at_ns != self._written_after_ns:
                values = {"name": _ROW, "at": utcnow()}
                insert = insert_into(connection, t.heartbeat).values(**values)
                connection.execute(
                    insert.on_conflict_do_update(
                        index_elements=[t.heartbeat.c.name], set_={"at": values["at"]}
                    )
                )
        self._written_after_ns = failed_at_ns

    def _failed_at_ns(self) -> int:
        """When a process last failed to use SQLite's file; 0 where none has."""
        try:
            return 0 if self._mark is None else self._mark.stat().st_mtime_ns
        except OSError:
            return 0
