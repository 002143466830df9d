"""The driver's own connection for the receiving path, beside SQLAlchemy.

A transaction of three prepared statements costs SQLAlchemy more than the
database. Whatever goes wrong here is only noted: the caller does the same again
through SQLAlchemy, which tells the causes apart.
"""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection


class Execute(Protocol):
    """Runs one statement of the driver; what comes back has rows and a rowcount."""

    def __call__(self, statement: str, parameters: tuple[Any, ...], /) -> Any: ...


class LaneBroken(Exception):
    """The transaction was rolled back, and its connection given up."""


class Lane:
    """One connection, kept. Not safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._error = engine.dialect.loaded_dbapi.Error
        self._connection: PoolProxiedConnection | None = None
        self._turn = _Turn(engine.url.database if self._sqlite else None)

    @contextmanager
    def writing(self) -> Iterator[Execute]:
        """A transaction. Raises LaneBroken where the driver fails; other errors roll back."""
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            # The driver's own: SQLAlchemy's wrapper costs as much as a statement.
            driver: Any = self._connection.driver_connection
            self._turn.take()
            try:
                with closing(driver.cursor()) as cursor:
                    if self._sqlite:
                        cursor.execute("BEGIN IMMEDIATE")
                    yield _Statements(cursor)
                    if self._sqlite:
                        cursor.execute("COMMIT")
                    else:
                        self._connection.commit()
            finally:
                self._turn.give_back()
        except (self._error, SQLAlchemyError, OSError) as error:
            self.close(broken=True)
            raise LaneBroken from error
        except BaseException:
            # Whatever was begun must not be committed by the next one.
            self.close(broken=True)
            raise

    def close(self, *, broken: bool = False) -> None:
        """Give the connection back; a broken one is closed."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if broken:
            connection.invalidate()
        else:
            connection.close()


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
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            weakref.finalize(self, os.close, self._fd)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def give_back(self) -> None:
        if self._path:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


class _Statements:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __call__(self, statement: str, parameters: tuple[Any, ...], /) -> Any:
        self._cursor.execute(statement, parameters)
        return self._cursor
