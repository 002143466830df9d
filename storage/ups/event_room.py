"""How many events of workitems one caller may cause: each stays for as long as events are kept."""

from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Pool

from storage import tables as t
from storage.db.room import Limits, Room, RoomOf

EVENTS = RoomOf(
    what="events of workitems",
    remedy="Change workitems less often or with less in each change; events go after"
    " MEDIVIEW_EVENT_RETENTION_S.",
    sender=t.event.c.caused_by,
    size_bytes=t.event.c.size_bytes,
    # A worklist manager with some thousand workitems a day, for a month.
    of_one=Limits(1_000_000, 2 << 30),
    of_all=Limits(4_000_000, 8 << 30),
    only_of_senders=True,
)
_ROOMS: WeakKeyDictionary[Pool, Room] = WeakKeyDictionary()


def event_room(engine: Engine) -> Room:
    """One for each database: what a process adds itself counts at once."""
    # Each caller's view of it has an engine of its own (`storage.db.visibility_engine`).
    room = _ROOMS.get(engine.pool)
    return room or _ROOMS.setdefault(engine.pool, Room(engine, EVENTS))


def take_event_room(connection: Connection, caller: str, size_bytes: int) -> None:
    """Before an event of so many bytes that the caller causes. Raises NoRoom."""
    event_room(connection.engine).take(caller, size_bytes, connection=connection)
