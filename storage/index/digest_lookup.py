"""Under which digest an instance is indexed, asked by the driver's own connection.

Asked for each instance of a series that another process began. SQLAlchemy takes ten times what
SQLite does for it, and on PostgreSQL its transaction is three round trips more.
"""

import threading
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from storage.core.callers.visibility import current_visibility
from storage.db.engine import close_with, reading
from storage.index.insert_instance import find_known


class DigestLookup:
    """One connection, kept. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._in_use = threading.Lock()
        self._engine = engine
        self._mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._error = engine.dialect.loaded_dbapi.Error
        self._connection: PoolProxiedConnection | None = None
        close_with(engine, self)

    def digest_of(self, sop_instance_uid: str) -> str | None:
        """None where it is not indexed. Raises StorageUnavailable."""
        # What a caller may see is SQLAlchemy's to say. Who would have to wait asks it, too.
        if current_visibility() is None and self._in_use.acquire(blocking=False):
            try:
                return self._ask(sop_instance_uid)
            except (self._error, SQLAlchemyError, OSError):
                # SQLAlchemy tells the causes apart.
                self._close()
            finally:
                self._in_use.release()
        with reading(self._engine) as connection:
            return find_known(connection, sop_instance_uid)

    def _ask(self, sop_instance_uid: str) -> str | None:
        cursor = self._opened().cursor()
        try:
            statement = f"SELECT digest FROM instance WHERE sop_instance_uid = {self._mark}"
            cursor.execute(statement, (sop_instance_uid,))
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else str(row[0])

    def _opened(self) -> Any:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
            if self._engine.dialect.name != "sqlite":
                # Each question sees what is committed by then.
                driver: Any = self._connection.driver_connection
                driver.autocommit = True
        return self._connection.driver_connection

    def close(self) -> None:
        """Close the connection, unless it is in use: who uses a broken one closes it."""
        if self._in_use.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._in_use.release()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # It isn't as the pool's are, and may be broken.
            connection.invalidate()
