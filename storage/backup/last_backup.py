"""When the last backup of this node ended that lacked nothing, for monitors of any of its hosts."""

from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing


def note_backup(engine: Engine) -> None:
    """In place of the one before. Raises StorageUnavailable."""
    with writing(engine) as connection:
        connection.execute(delete(t.last_backup))
        connection.execute(insert(t.last_backup).values(at=utcnow()))


def last_backup(engine: Engine) -> datetime | None:
    """None where there was none. Raises StorageUnavailable."""
    with reading(engine) as connection:
        return connection.execute(select(t.last_backup.c.at)).scalar()
