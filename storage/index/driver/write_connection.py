"""The driver's own connection for the receiving path, beside SQLAlchemy.

A transaction of three prepared statements costs SQLAlchemy more than the
database. On PostgreSQL one statement does it all and commits itself, for BEGIN
and COMMIT would cost as much again. Commits here don't wait for the disk (on PostgreSQL the
statement itself says so: `storage.index.driver.insert_statements`), and
may be lost with the machine or the database server: only what stands in a
volume, too, goes this way (`storage.reconciliation.crash_recovery`). Whatever goes wrong here is
only noted: the caller does the same again through SQLAlchemy, which tells the causes apart.
"""

import fcntl
import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.core.data_folder.file_owner import give_to_owner
from storage.index.driver.kept_connection import KeptConnection


class Execute(Protocol):
    """Runs one statement of the driver; what comes back has rows and a rowcount."""

    def __call__(self, statement: str, parameters: tuple[Any, ...], /) -> Any: ...


class WriteConnectionBroken(Exception):
    """The transaction was rolled back, unless its answer was lost; its connection is closed."""


class WriteConnection:
    """One connection, kept. Not safe for threads, but for `close`."""

    def __init__(self, engine: Engine) -> None:
        self._sqlite = engine.dialect.name == "sqlite"
        self._error = engine.dialect.loaded_dbapi.Error
        self._turn = _Turn(engine.url.database if self._sqlite else None)
        prepare = _prepare_sqlite if self._sqlite else _prepare_psycopg
        self.kept = KeptConnection(engine, prepare)

    @contextmanager
    def writing(self) -> Iterator[Execute]:
        """A transaction, on PostgreSQL one for each statement.

        Raises WriteConnectionBroken where the driver fails; other errors roll back.
        """
        self.kept.in_use.acquire()
        try:
            # The driver's own: SQLAlchemy's wrapper costs as much as a statement.
            cursor = self.kept.opened().cursor()
            self._turn.take()
            try:
                if self._sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                    yield cursor.execute
                    cursor.execute("COMMIT")
                else:
                    yield _Numbered(cursor)
            finally:
                self._turn.give_back()
                cursor.close()
        except (self._error, SQLAlchemyError, OSError) as error:
            self.kept.discard()
            raise WriteConnectionBroken from error
        except BaseException:
            # Whatever was begun must not be committed by the next one.
            self.kept.discard()
            raise
        finally:
            self.kept.in_use.release()

    def close(self) -> None:
        """Close the connection, unless it is in use: who uses a broken one closes it."""
        self.kept.close()


def _prepare_sqlite(driver: Any) -> None:
    driver.execute("PRAGMA synchronous=NORMAL").close()


def _prepare_psycopg(driver: Any) -> None:
    # SQLite alone does without the package.
    from psycopg import RawCursor

    driver.autocommit = True
    # Others look for the marks of many parameters each time that a statement runs.
    driver.cursor_factory = RawCursor


class _Turn:
    """Receiving processes write to SQLite in turn.

    SQLite itself lets who finds the database locked sleep for milliseconds and
    try again; a file lock wakes the next one at once.
    """

    def __init__(self, database: str | None) -> None:
        self._path = f"{database}-turn" if database and database != ":memory:" else ""
        self._fd = -1

    def take(self) -> None:
        """Raises OSError where the lock's file cannot be made."""
        if not self._path:
            return
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            weakref.finalize(self, os.close, self._fd)
            give_to_owner(self._fd, Path(self._path).parent)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def give_back(self) -> None:
        if self._path:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


class _Numbered:
    """Parameters are marked $1, $2 as PostgreSQL has them, instead of %s."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __call__(self, statement: str, parameters: tuple[Any, ...], /) -> Any:
        return self._cursor.execute(_numbered(statement), parameters)


@lru_cache(128)
def _numbered(statement: str) -> str:
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement)
