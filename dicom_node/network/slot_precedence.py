"""Which DICOM connections give way where there is no room for all of them.

Known peers come before strangers, and who has few connections before who has many.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

IN_MESSAGE_S = 1e9
"""Added to when a peer last sent something that is in the middle of a message: these leave after
all that are between messages."""

_IDLE_S = 2.0
"""Between the messages of one study nobody waits for so long."""
_SEVERAL = 4


class TakenSlot(NamedTuple):
    """A slot, and the number of who took it: a slot that was lost is another's by then."""

    slot: int
    number: int


class Row(NamedTuple):
    """A connection. `number` counts all that there ever were."""

    slot: int
    pid: int
    number: int
    title: bytes
    address: bytes
    is_known: bool
    """A known peer's; before it was admitted, whether it comes from the address of one."""
    is_admitted: bool
    """Whether its association was accepted."""
    last_active: float
    """Seconds of the monotonic clock; IN_MESSAGE_S more within a message, and infinity while a
    request is answered."""

    @property
    def taken_slot(self) -> TakenSlot:
        return TakenSlot(self.slot, self.number)


def counted_for(rows: Sequence[Row], address: bytes, *, is_peers_address: bool) -> list[Row]:
    """What counts for the limit of an address when a new connection comes from it.

    At the address of a known peer a new one may be the peer's: its strangers' associations are
    counted when they are admitted.
    """
    return [
        row
        for row in rows
        if row.address == address and not (row.is_admitted and (row.is_known or is_peers_address))
    ]


def giving_way(rows: Sequence[Row], address: bytes, *, is_peers_address: bool) -> Row | None:
    """Who makes room for a new connection from `address`, of those that were not admitted yet.

    Strangers first, then of the address that has most of them; of these who has been silent for
    longest. Nobody leaves for who would then have as many, but strangers for known peers.
    """
    waiting = [row for row in rows if not row.is_admitted]
    counted = Counter(row.address for row in waiting)
    leaving = min(
        (row for row in waiting if is_peers_address or not row.is_known),
        key=lambda row: (row.is_known, -counted[row.address], row.last_active, row.number),
        default=None,
    )
    if leaving is None:
        return None
    if is_peers_address and (not leaving.is_known or leaving.address == address):
        return leaving
    return leaving if counted[leaving.address] > counted[address] + 1 else None


def giving_way_to_known(admitted: Sequence[Row], title: bytes, now_s: float) -> Row | None:
    """The association that leaves for one of a known peer of that title; None: there is none.

    A stranger's: the one that has been silent for longest between messages, then within one; those
    of which a request is being answered are the last, the oldest of them first. Else one of the
    known peer that has most, between messages: silent for a while, or of who has more than half of
    all, or several where the new one's has none. Nobody leaves for who would then have as many.
    """
    strangers = [row for row in admitted if not row.is_known]
    if strangers:
        return min(strangers, key=lambda row: (row.last_active, row.number))
    counted = Counter(row.title for row in admitted)
    several = _SEVERAL if not counted[title] else len(admitted) // 2 + 1
    return min(
        (
            row
            for row in admitted
            if counted[row.title] > counted[title] + 1
            and row.last_active < IN_MESSAGE_S
            and (row.last_active < now_s - _IDLE_S or counted[row.title] >= several)
        ),
        key=lambda row: (-counted[row.title], row.last_active, row.number),
        default=None,
    )
