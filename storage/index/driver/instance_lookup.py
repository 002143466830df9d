"""One instance by its UID, as quickly as the database can tell it: each served frame asks this."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, bindparam

from storage import tables as t
from storage.core.callers.visibility import current_visibility
from storage.core.entities import Instance, Location
from storage.core.errors import NotFound, StorageUnavailable
from storage.db.driver_errors import damaged_index, is_damaged
from storage.db.engine import close_with
from storage.index.repository import Index
from storage.index.select_statements import select_instances

_FIELDS = tuple(name for name in Instance.__dataclass_fields__ if name != "location")
_LOCATION = ("volume", "volume_offset", "size_bytes", "object_key")


class InstanceLookup:
    """Asks the database each time, so that what was deleted or moved is known at once.

    SQLite is asked by a connection and a statement of its own, some twenty
    microseconds in all; other databases by the index.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._index = Index(engine)
        self.is_quick = engine.dialect.name == "sqlite"
        """Whether it answers within the time that a hop to another thread would take."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        named = {column.name: column for column in t.instance.columns} | {
            "series_instance_uid": t.series.c.series_instance_uid,
            "study_instance_uid": t.study.c.study_instance_uid,
            "patient_digest": t.study.c.patient_digest,
        }
        columns = [named[name] for name in (*_FIELDS, *_LOCATION)]
        by_uid = t.instance.c.sop_instance_uid == bindparam("uid")
        statement = select_instances(by_uid).with_only_columns(*columns, maintain_column_froms=True)
        self._statement = str(statement.compile(dialect=engine.dialect))
        read_time = t.instance.c.received_at.type.dialect_impl(engine.dialect).result_processor(
            engine.dialect, None
        )
        self._read_time: Callable[[Any], Any] = read_time or (lambda value: value)
        close_with(engine, self)

    def instance(self, sop_instance_uid: str) -> Instance:
        """Raises NotFound, or StorageUnavailable when the database does not answer."""
        if not self.is_quick or current_visibility() is not None:
            # The statement of its own shows every instance to everybody.
            return self._index.instance(sop_instance_uid)
        row = self._row(sop_instance_uid)
        if row is None:
            raise NotFound(
                f"The node holds no instance {sop_instance_uid}.",
                remedy="Check the UID, or send the instances to this node.",
            )
        values = dict(zip(_FIELDS, row, strict=False))
        values["received_at"] = self._read_time(values["received_at"])
        return Instance(**values, location=Location(*row[len(_FIELDS) :]))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _row(self, sop_instance_uid: str) -> Any:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                return self._connection.execute(self._statement, (sop_instance_uid,)).fetchone()
            except sqlite3.Error as error:
                self._connection = None
                if is_damaged(error):
                    raise damaged_index(self._engine) from error
                raise StorageUnavailable(
                    "The database cannot be reached or does not answer.",
                    remedy="Check MEDIVIEW_DATABASE_URL; 'mediview doctor' says what it sees.",
                ) from error

    def _connect(self) -> sqlite3.Connection:
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        if not isinstance(connection, sqlite3.Connection):
            raise RuntimeError("SQLite's dialect without a connection of SQLite")
        pooled.detach()
        return connection
