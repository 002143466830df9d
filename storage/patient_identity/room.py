"""How much messages may state of patients: HL7 without TLS has no sign-in, and nothing removes
what was recorded."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from storage import tables as t
from storage.core.callers.shares import current_caller
from storage.db.room import Limits, Room, RoomOf

_REMEDY = (
    "Name who may send in MEDIVIEW_HL7_ALLOWED_NETWORKS; what was stated wrongly can be undone."
)
CHANGES = RoomOf(
    what="changes of patients",
    remedy=_REMEDY,
    sender=t.patient_change.c.sent_by,
    size_bytes=t.patient_change.c.size_bytes,
    # A thousand corrections and merges a day of patients with images, for more than five years.
    of_one=Limits(2_000_000, 4 << 30),
    of_all=Limits(4_000_000, 8 << 30),
    only_of_senders=True,
)
MESSAGES = RoomOf(
    what="messages about patients",
    remedy=f"{_REMEDY} They go a year after they came.",
    sender=t.patient_message.c.sent_by,
    size_bytes=t.patient_message.c.size_bytes,
    # Of a year, two patients in each: thirty thousand messages a day of an interface engine.
    of_one=Limits(20_000_000, 8 << 30),
    of_all=Limits(40_000_000, 16 << 30),
    only_of_senders=True,
)
_PER_ROW_BYTES = 200


class PatientRoom:
    """What the caller may still add. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self.changes = Room(engine, CHANGES)
        self.messages = Room(engine, MESSAGES)

    def count(self, connection: Connection) -> None:
        """Before rows are added, where it is time to: they count as they are taken."""
        for room in (self.changes, self.messages):
            room.take(current_caller(), 0, is_new=False, connection=connection)

    def take(self, connection: Connection, *, changes: int, messages: int) -> None:
        """So many rows, in the transaction that adds them. Raises NoRoom."""
        for room, number in ((self.changes, changes), (self.messages, messages)):
            for _ in range(number):
                room.take(current_caller(), _PER_ROW_BYTES, connection=connection)


def sent_by_caller(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, with who sends it and how much it takes."""
    size_bytes = _PER_ROW_BYTES + sum(len(str(one)) for one in values.values())
    return {**values, "sent_by": current_caller(), "size_bytes": size_bytes}
