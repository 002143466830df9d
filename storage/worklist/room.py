"""How many orders are kept: nothing removes them, and HL7 without TLS has no sign-in."""

from sqlalchemy import Engine

from storage import tables as t
from storage.db.room import Limits, Room, RoomOf

ORDERS = RoomOf(
    what="orders",
    remedy="Remove those that are done (DELETE /api/worklist/ITEM), and name who may send in"
    " MEDIVIEW_HL7_ALLOWED_NETWORKS.",
    sender=t.worklist_item.c.sent_by,
    size_bytes=t.worklist_item.c.size_bytes,
    # A hospital's orders come from one interface engine: a thousand a day for more than five years.
    of_one=Limits(2_000_000, 4 << 30),
    of_all=Limits(4_000_000, 8 << 30),
)


def order_room(engine: Engine) -> Room:
    return Room(engine, ORDERS)
