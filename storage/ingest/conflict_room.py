"""How many conflicts are kept: anybody who may store can send other content under a known UID."""

from sqlalchemy import Engine

from storage import tables as t
from storage.db.room import Limits, Room, RoomOf

CONFLICTS = RoomOf(
    what="conflicts that wait for a decision",
    remedy="Decide on them, many alike at once with `mediview conflicts decide`; then send it"
    " again.",
    sender=t.conflict.c.sent_by,
    size_bytes=t.conflict.c.size_bytes,
    # An archive of some thousand examinations that was changed on its way.
    of_one=Limits(50_000, 64 << 30),
    of_all=Limits(200_000, 256 << 30),
)


def conflict_room(engine: Engine) -> Room:
    return Room(engine, CONFLICTS)
