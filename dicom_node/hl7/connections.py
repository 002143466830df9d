"""Which connections of the MLLP listener give way where there are more than it takes.

MLLP has no sign-in, and systems keep a connection for hours without a word: how many there may be,
and who goes, is all that keeps strangers from keeping a system out.
"""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dicom_node.network.connection_slots import packed_address
from storage.core.addresses import is_within

_MOST = 32
_MOST_OF_ADDRESS = 16
"""So that two addresses leave room for each other."""


@dataclass(eq=False)
class Connection:
    task: asyncio.Task[None]
    address: bytes
    is_known: bool
    is_taken: bool = False
    """Whether its message is being recorded at the moment: it does not give way then."""


class Connections:
    """Those that are open, the one that has been silent for longest first."""

    def __init__(self, known_senders: Sequence[str]) -> None:
        """`known_senders`: addresses and networks whose places no stranger takes."""
        self._known = [ipaddress.ip_network(one) for one in known_senders]
        self._open: list[Connection] = []

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return [one.task for one in self._open]

    def admit(self, host: str, task: asyncio.Task[None]) -> Connection | None:
        """A connection from an address; None where there is no room, and nobody to give way."""
        new = Connection(task, packed_address(host), is_within(host, self._known))
        counted = Counter(one.address for one in self._open)
        if len(self._open) >= _MOST or counted[new.address] >= _MOST_OF_ADDRESS:
            leaving = self._leaving(new, counted)
            if leaving is None:
                return None
            self._open.remove(leaving)
            leaving.task.cancel()
        self._open.append(new)
        return new

    def received(self, connection: Connection) -> None:
        """A message came by it: all others have been silent for longer."""
        if connection in self._open:
            self._open.remove(connection)
            self._open.append(connection)

    def leave(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)

    def _leaving(self, new: Connection, counted: Counter[bytes]) -> Connection | None:
        """Who gives way: strangers first, then of the address that has most; of these the one that
        has been silent for longest. An address that has its share gives way to itself."""
        idle = [one for one in self._open if not one.is_taken]
        own = [one for one in idle if one.address == new.address]
        if counted[new.address] >= _MOST_OF_ADDRESS:
            return next(iter(own), None)
        leaving = min(
            (one for one in idle if new.is_known or not one.is_known),
            key=lambda one: (one.is_known, -counted[one.address]),
            default=None,
        )
        if leaving is None:
            return None
        is_stranger_for_known = new.is_known and not leaving.is_known
        has_share = counted[leaving.address] <= counted[new.address] + 1
        if own and has_share and not is_stranger_for_known:
            return own[0]
        return leaving
