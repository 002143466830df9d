"""One process of all hosts does something, another does it once that one is gone."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from storage.core.data_folder.file_owner import give_to_owner

_TRIED_EVERY_S = 2.0


class Leadership:
    """By a lock of the file at `path`, among the processes of a machine, and PostgreSQL's advisory
    lock of that `number`, among all. Both end with their process. For one thread.
    """

    def __init__(self, engine: Engine, path: Path, number: int) -> None:
        self._engine, self._path, self._number = engine, path, number
        self._fd = -1
        self._connection: Connection | None = None
        self._tried_next_s = 0.0

    def has(self) -> bool:
        """Whether it is this one now. False as well while the database is away."""
        if self._fd >= 0:
            if self._is_still_held():
                return True
            self.resign()
        if time.monotonic() < self._tried_next_s:
            return False
        self._tried_next_s = time.monotonic() + _TRIED_EVERY_S
        with suppress(OSError, SQLAlchemyError):
            if self._take():
                return True
            self._give_back()
        self._let_go()
        return False

    def resign(self, pause_s: float = 0.0) -> None:
        """Let another do it, and do not try again for so long."""
        self._let_go()
        self._tried_next_s = time.monotonic() + pause_s

    def close(self) -> None:
        self._let_go()

    def _is_still_held(self) -> bool:
        """A server that was started again, or another one in its place, knows of no lock."""
        if self._connection is None:
            return True
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def _take(self) -> bool:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner(self._fd, self._path.parent)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if self._engine.dialect.name != "postgresql":
            return True
        # Of the session, outside of any transaction.
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taking = text("SELECT pg_try_advisory_lock(:number)")
        return bool(self._connection.execute(taking, {"number": self._number}).scalar())

    def _give_back(self) -> None:
        """A session that got no lock is used for the next try."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                # Closed and not pooled: a session that lives on would keep the lock.
                connection.invalidate()
                connection.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
