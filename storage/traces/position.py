"""Up to which event traces have been sent, for whichever process sends the next."""

from sqlalchemy import Engine, select

from storage import tables as t
from storage.db.engine import insert_or_update, reading, writing

_ROW = 1


def sent_up_to(engine: Engine) -> int | None:
    """The number of an event; None where traces were never sent. Raises StorageUnavailable."""
    with reading(engine) as connection:
        return connection.execute(select(t.trace_position.c.event_id)).scalar()


def note_sent(engine: Engine, event_id: int) -> None:
    """Raises StorageUnavailable."""
    row = {"id": _ROW, "event_id": event_id}
    with writing(engine) as connection:
        insert_or_update(connection, t.trace_position, [row], ["id"])
