"""Who has a connection just now, over all receiving processes of the node.

A table in memory that the processes share: one row a slot, with the process
that has it and the AE title of its peer. The kernel frees the table's lock
when a process dies, and the rows of processes that are gone count as free, so
nothing has to be put right after kill -9.

Where all are taken, some give way (`dicom_node.network.slot_precedence`): their rows are others'
at once, and the processes that had them are notified to end what lost its slot.
"""

import fcntl
import math
import mmap
import os
import struct
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Literal

from dicom_node.network.slot_precedence import (
    Row,
    TakenSlot,
    counted_for,
    giving_way,
    giving_way_to_known,
)
from storage.core.addresses import ip_address_of

# Process id, 0 where free; number of who took it; AE title (PS3.5 6.2: 16 bytes); address;
# whether it is a known peer's, or comes from the address of one; whether it was admitted. Filled
# up so that the process ids of all rows can be read as one column.
_ROW = struct.Struct("=IQ16s16s??2x")
_PROCESS_ID_BYTES = 4
_NUMBER_AT = struct.calcsize("=I")
_NUMBER = struct.Struct("<Q")

Refusal = Literal["peer_limit_exceeded", "address_limit_exceeded", "local_limit_exceeded"]


@lru_cache(maxsize=1024)
def packed_address(host: str) -> bytes:
    """An address in 16 bytes; of IPv6 the network, which one machine may fill (RFC 4291)."""
    try:
        packed = ip_address_of(host).packed
    except ValueError:
        return bytes(16)
    return packed[:8].ljust(16, b"\0") if len(packed) == 16 else packed.ljust(16, b"\0")


class ConnectionSlots:
    """A number of slots, made before the processes are forked. Safe for threads and processes.

    Of them `admitted` at most are of associations that were admitted; none: any number.
    """

    def __init__(self, count: int, *, admitted: int = 0) -> None:
        self._count, self._most_admitted = count, admitted or count
        self._fd = os.memfd_create("associations")
        weakref.finalize(self, os.close, self._fd)
        first_row = _NUMBER.size + 8 * count
        size = first_row + count * _ROW.size
        os.ftruncate(self._fd, size)
        self._table = memoryview(mmap.mmap(self._fd, size))
        self._rows = self._table[first_row:]
        self._process_ids = self._rows.cast("I")[:: _ROW.size // _PROCESS_ID_BYTES]
        # When a slot's peer last sent something (`Row.last_active`). The association writes it
        # after each PDU, and so without the lock: only the choice of who gives way depends on it.
        self.last_active = self._table[_NUMBER.size : first_row].cast("d")
        # Written to when a slot was lost, and never read: each process waits for it by its own
        # edge-triggered epoll, and all are woken each time.
        self.loss_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self.loss_fd)
        # Record locks are a process's, not a thread's.
        self._lock = threading.Lock()

    def take(
        self,
        host: str = "",
        limit_per_address: int = 0,
        *,
        is_peers_address: bool = False,
        silent_s: float = math.inf,
    ) -> TakenSlot | None:
        """A slot for a new connection; None where all are taken and none gives way.

        None, too, where `host` holds `limit_per_address` slots already (0: any number) that are not
        those of known peers: who floods the node leaves room for others. At an address of known
        peers the limit holds apart for what was not admitted yet, of which one gives way.

        Where there are as many as may be admitted, those that were not within `silent_s` end.
        """
        address = packed_address(host)
        with self._locked():
            rows = self._living()
            leaving: list[Row] = []
            if len(rows) >= self._most_admitted:
                long_ago = time.monotonic() - silent_s
                leaving = [
                    row for row in rows if not row.is_admitted and row.last_active < long_ago
                ]
            staying = [row for row in rows if row not in leaving] if leaving else rows
            if limit_per_address:
                strangers = counted_for(staying, address, is_peers_address=is_peers_address)
                if len(strangers) >= limit_per_address:
                    if not is_peers_address:
                        self._free(leaving)
                        return None
                    first = min(strangers, key=lambda row: (row.last_active, row.number))
                    leaving.append(first)
                    staying.remove(first)
            if len(staying) >= self._count:
                one = giving_way(staying, address, is_peers_address=is_peers_address)
                if one is None:
                    return None
                leaving.append(one)
                staying.remove(one)
            self._free(leaving)
            return self._taken({row.slot for row in staying}, address, is_peers_address)

    def _taken(self, by_others: set[int], address: bytes, is_peers_address: bool) -> TakenSlot:
        slot = next(slot for slot in range(self._count) if slot not in by_others)
        number = _NUMBER.unpack_from(self._table, 0)[0] + 1
        _NUMBER.pack_into(self._table, 0, number)
        self._write(Row(slot, os.getpid(), number, b"", address, is_peers_address, False, 0.0))
        self.last_active[slot] = time.monotonic()
        return TakenSlot(slot, number)

    def admit(
        self,
        taken: TakenSlot,
        ae_title: str,
        limit: int,
        *,
        is_known: bool = False,
        limit_per_address: int = 0,
    ) -> Refusal | None:
        """Note whose a slot is; why not where there is no room for it.

        `limit`: how many associations the title may have, 0: any number. A known peer takes the
        slot of a stranger where there is no other, or of a known peer that has many more.
        """
        title = ae_title.encode("ascii", "replace")[:16].ljust(16, b"\0")
        with self._locked():
            rows = self._living()
            own = next((row for row in rows if row.taken_slot == taken), None)
            if own is None:
                return "local_limit_exceeded"
            others = [row for row in rows if row.is_admitted and row.slot != taken.slot]
            if limit and sum(row.title == title for row in others) >= limit:
                return "peer_limit_exceeded"
            if not is_known and limit_per_address:
                strangers = sum(row.address == own.address and not row.is_known for row in others)
                if strangers >= limit_per_address:
                    return "address_limit_exceeded"
            if len(others) >= self._most_admitted:
                leaving = giving_way_to_known(others, title, time.monotonic()) if is_known else None
                if leaving is None:
                    return "local_limit_exceeded"
                self._free([leaving])
            self._write(own._replace(title=title, is_known=is_known, is_admitted=True))
            self.last_active[taken.slot] = time.monotonic()
            return None

    def number_of(self, slot: int) -> "memoryview[int]":
        """The number of who has the slot now, 0 where nobody has: one element, seen as it is
        each time. Not locked."""
        at = slot * _ROW.size + _NUMBER_AT
        return self._rows[at : at + _NUMBER.size].cast("Q")

    def is_current(self, taken: TakenSlot) -> bool:
        """Whether it is not another's by now. Not locked."""
        return self.number_of(taken.slot)[0] == taken.number

    def give_back(self, taken: TakenSlot) -> None:
        with self._locked():
            if self.is_current(taken):
                self._clear(taken.slot)

    def is_ahead(self, of_processes: Iterable[int]) -> bool:
        """Whether this process holds more slots than one of those. A guess: not locked."""
        occupied = Counter(self._process_ids.tolist())
        least = min((occupied[pid] for pid in of_processes), default=0)
        return occupied[os.getpid()] > least

    def _living(self) -> list[Row]:
        """What is taken, by processes that live."""
        own = os.getpid()
        living = {own: True}
        rows = []
        for slot, pid in enumerate(self._process_ids.tolist()):
            if not pid:
                continue
            if pid not in living:
                living[pid] = _lives(pid)
            if living[pid]:
                row = _ROW.unpack_from(self._rows, slot * _ROW.size)
                rows.append(Row._make((slot, *row, self.last_active[slot])))
            else:
                self._clear(slot)
        return rows

    def _free(self, rows: list[Row]) -> None:
        for row in rows:
            self._clear(row.slot)
        if rows:
            os.eventfd_write(self.loss_fd, 1)

    def _clear(self, slot: int) -> None:
        self._write(Row(slot, 0, 0, b"", b"", False, False, 0.0))

    def _write(self, row: Row) -> None:
        _ROW.pack_into(self._rows, row.slot * _ROW.size, *row[1:-1])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
