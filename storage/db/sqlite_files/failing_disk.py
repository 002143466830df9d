"""A disk under SQLite that fails or is read-only: it is noted, and connections are opened again."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.pool import ConnectionPoolEntry

from storage.core.data_folder.file_owner import give_to_owner
from storage.db.driver_errors import DISK_FAILED, LOCKED

_OPENED = "opened after so many failures of the disk"
_failures = 0
_ENGINES: WeakSet[Engine] = WeakSet()
"""Of SQLite."""


def look_after_disk(engine: Engine) -> None:
    event.listen(engine, "checkin", _close_if_older_than_the_failure)
    event.listen(engine, "handle_error", _note_failure)
    event.listen(engine, "handle_error", _reopen_after_failing_disk)
    _ENGINES.add(engine)


def note_opened(record: ConnectionPoolEntry) -> None:
    """Of a connection that is new: after how many failures it was opened."""
    record.info[_OPENED] = _failures


def failure_mark(index: Path) -> Path:
    """Its time is that of the last failure of any process to use SQLite's file, where one failed.

    `/health` is asked in one process, and what arrives is written by others.
    """
    return index.with_name(index.name + "-failed")


def _note_failure(context: ExceptionContext) -> None:
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
    database = context.engine.url.database if context.engine is not None else None
    if database and code in (*DISK_FAILED, *LOCKED, sqlite3.SQLITE_FULL):
        # Where this fails as well, the disk has a sentence of its own.
        with suppress(OSError):
            _touch(failure_mark(Path(database)), Path(database))


def _touch(mark: Path, index: Path) -> None:
    try:
        mark.touch(0o600)
    except PermissionError:
        # Of root, whose command made it: the folder is the node's.
        mark.unlink()
        mark.touch(0o600)
    give_to_owner(mark, index)


def _reopen_after_failing_disk(context: ExceptionContext) -> None:
    """What SQLite opened while the disk was read-only never writes again, nor does what the process
    opens beside it: only when all connections are closed does it look again.

    Who keeps a connection of its own hears of it by `engine_disposed`.
    """
    global _failures  # noqa: PLW0603 - SQLite's state of a file is the process's, too
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
    if code in DISK_FAILED and context.engine is not None:
        context.is_disconnect = True
        # Its statement would keep the connection open, and SQLAlchemy leaves it.
        if context.execution_context is not None:
            context.execution_context.cursor.close()
        _failures += 1
        for engine in list(_ENGINES):
            if engine.url == context.engine.url:
                engine.dispose()


def _close_if_older_than_the_failure(
    connection: sqlite3.Connection | None, record: ConnectionPoolEntry
) -> None:
    """It would go to the pool of before, which nobody asks any more and nobody empties."""
    if connection is not None and record.info.get(_OPENED) != _failures:
        record.invalidate()
