"""Under which digest an instance is indexed, asked by the driver's own connection.

Asked for each instance of a series that another process began. SQLAlchemy takes ten times what
SQLite does for it, and on PostgreSQL its transaction is three round trips more.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.core.callers.visibility import current_visibility
from storage.db.engine import reading
from storage.index.driver.kept_connection import KeptConnection
from storage.index.insert_instance import find_known


class DigestLookup:
    """One connection, kept. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._error = engine.dialect.loaded_dbapi.Error
        self.kept = KeptConnection(engine, _prepare_sqlite if self._is_sqlite else _prepare)

    def close(self) -> None:
        """Close the connection, unless it is in use: who uses a broken one closes it."""
        self.kept.close()

    def digest_of(self, sop_instance_uid: str) -> str | None:
        """None where it is not indexed. Raises StorageUnavailable."""
        # What a caller may see is SQLAlchemy's to say. Who would have to wait asks it, too.
        if current_visibility() is None and self.kept.in_use.acquire(blocking=False):
            try:
                return self._ask(sop_instance_uid)
            except (self._error, SQLAlchemyError, OSError):
                # SQLAlchemy tells the causes apart.
                self.kept.discard()
            finally:
                self.kept.in_use.release()
        with reading(self._engine) as connection:
            return find_known(connection, sop_instance_uid)

    def _ask(self, sop_instance_uid: str) -> str | None:
        cursor = self.kept.opened().cursor()
        try:
            mark = "?" if self._is_sqlite else "%s"
            statement = f"SELECT digest FROM instance WHERE sop_instance_uid = {mark}"
            cursor.execute(statement, (sop_instance_uid,))
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else str(row[0])


def _prepare_sqlite(_: Any) -> None:
    """Each question sees what is committed by then."""


def _prepare(driver: Any) -> None:
    driver.autocommit = True
