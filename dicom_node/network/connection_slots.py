"""Who holds an association just now, over all receiving processes of the node.

A table in memory that the processes share: one row a slot, with the process
that holds it and the AE title of its peer. The kernel frees the table's lock
when a process dies, and the rows of processes that are gone count as free, so
nothing has to be put right after kill -9.
"""

import fcntl
import ipaddress
import mmap
import os
import struct
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

# Process id, 0 where free; AE title (PS3.5 6.2: 16 bytes); address; whether a known peer's.
_ROW = struct.Struct("<I16s16s?")


class _Slot(NamedTuple):
    slot: int
    pid: int
    title: bytes
    address: bytes
    is_known: bool


def packed_address(host: str) -> bytes:
    """An address in 16 bytes; of IPv6 the network, which one machine may fill (RFC 4291)."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bytes(16)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    packed = ip.packed
    return packed[:8].ljust(16, b"\0") if len(packed) == 16 else packed.ljust(16, b"\0")


class ConnectionSlots:
    """A number of slots, made before the processes are forked. Safe for threads and processes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._fd = os.memfd_create("associations")
        weakref.finalize(self, os.close, self._fd)
        os.ftruncate(self._fd, max(count, 1) * _ROW.size)
        self._table = mmap.mmap(self._fd, max(count, 1) * _ROW.size)
        # Record locks are a process's, not a thread's.
        self._lock = threading.Lock()

    def take(self, host: str = "", limit_per_address: int = 0) -> tuple[int, int] | None:
        """A slot, and how many were taken before; None where all are.

        None, too, where `host` holds `limit_per_address` slots already (0: any number) that are not
        those of known peers: who floods the node leaves room for others.
        """
        address = packed_address(host)
        with self._locked():
            rows = [row for row in self._rows() if self._lives(row.slot, row.pid)]
            taken = {row.slot for row in rows}
            if limit_per_address:
                occupied = sum(row.address == address and not row.is_known for row in rows)
                if occupied >= limit_per_address:
                    return None
            free = next((slot for slot in range(self._count) if slot not in taken), None)
            if free is None:
                return None
            self._write(free, os.getpid(), b"", address)
            return free, len(taken)

    def are_all_taken(self) -> bool:
        with self._locked():
            return sum(self._lives(row.slot, row.pid) for row in self._rows()) >= self._count

    def name(self, slot: int, ae_title: str, limit: int, *, is_known: bool = False) -> bool:
        """Say whose a slot is; False where the title holds `limit` others already (0: any)."""
        title = ae_title.encode("ascii", "replace")[:16].ljust(16, b"\0")
        with self._locked():
            if limit:
                occupied = sum(
                    row.title == title and row.slot != slot and self._lives(row.slot, row.pid)
                    for row in self._rows()
                )
                if occupied >= limit:
                    return False
            address = _ROW.unpack_from(self._table, slot * _ROW.size)[2]
            self._write(slot, os.getpid(), title, address, is_known=is_known)
            return True

    def give_back(self, slot: int) -> None:
        with self._locked():
            self._write(slot, 0, b"")

    def is_ahead(self, processes: int) -> bool:
        """Whether this process holds more slots than another of so many. A guess: not locked."""
        occupied = Counter(pid for pid, *_ in _ROW.iter_unpack(self._table) if pid)
        least = min(occupied.values()) if len(occupied) >= processes else 0
        return occupied[os.getpid()] > least

    def _rows(self) -> list[_Slot]:
        rows = enumerate(_ROW.iter_unpack(self._table))
        return [_Slot(slot, *row) for slot, row in rows if row[0]]

    def _lives(self, slot: int, pid: int) -> bool:
        if pid == os.getpid():
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            self._write(slot, 0, b"")
            return False
        return True

    def _write(
        self,
        slot: int,
        pid: int,
        title: bytes,
        address: bytes = b"",
        *,
        is_known: bool = False,
    ) -> None:
        _ROW.pack_into(self._table, slot * _ROW.size, pid, title, address, is_known)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
