"""Who holds an association just now, over all receiving processes of the node.

A table in memory that the processes share: one row a place, with the process
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


class _Taken(NamedTuple):
    place: int
    pid: int
    title: bytes
    address: bytes
    is_known: bool


def _packed(host: str) -> bytes:
    """An address in 16 bytes; of IPv6 the network, which one machine may fill (RFC 4291)."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bytes(16)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    packed = ip.packed
    return packed[:8].ljust(16, b"\0") if len(packed) == 16 else packed.ljust(16, b"\0")


class Places:
    """A number of places, made before the processes are forked. Safe for threads and processes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._fd = os.memfd_create("associations")
        weakref.finalize(self, os.close, self._fd)
        os.ftruncate(self._fd, max(count, 1) * _ROW.size)
        self._table = mmap.mmap(self._fd, max(count, 1) * _ROW.size)
        # Record locks are a process's, not a thread's.
        self._lock = threading.Lock()

    def take(self, host: str = "", strangers: int = 0) -> tuple[int, int] | None:
        """A place, and how many were taken before; None where all are.

        None, too, where `host` holds `strangers` places already (0: any number) that are not
        those of known peers: who floods the node leaves room for others.
        """
        address = _packed(host)
        with self._locked():
            rows = [row for row in self._rows() if self._lives(row.place, row.pid)]
            taken = {row.place for row in rows}
            if strangers:
                held = sum(row.address == address and not row.is_known for row in rows)
                if held >= strangers:
                    return None
            free = next((place for place in range(self._count) if place not in taken), None)
            if free is None:
                return None
            self._write(free, os.getpid(), b"", address)
            return free, len(taken)

    def name(self, place: int, ae_title: str, limit: int, *, is_known: bool = False) -> bool:
        """Say whose a place is; False where the title holds `limit` others already (0: any)."""
        title = ae_title.encode("ascii", "replace")[:16].ljust(16, b"\0")
        with self._locked():
            if limit:
                held = sum(
                    row.title == title and row.place != place and self._lives(row.place, row.pid)
                    for row in self._rows()
                )
                if held >= limit:
                    return False
            address = _ROW.unpack_from(self._table, place * _ROW.size)[2]
            self._write(place, os.getpid(), title, address, is_known=is_known)
            return True

    def give_back(self, place: int) -> None:
        with self._locked():
            self._write(place, 0, b"")

    def is_ahead(self, processes: int) -> bool:
        """Whether this process holds more places than another of so many. A guess: not locked."""
        held = Counter(pid for pid, *_ in _ROW.iter_unpack(self._table) if pid)
        least = min(held.values()) if len(held) >= processes else 0
        return held[os.getpid()] > least

    def _rows(self) -> list[_Taken]:
        rows = enumerate(_ROW.iter_unpack(self._table))
        return [_Taken(place, *row) for place, row in rows if row[0]]

    def _lives(self, place: int, pid: int) -> bool:
        if pid == os.getpid():
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            self._write(place, 0, b"")
            return False
        return True

    def _write(
        self,
        place: int,
        pid: int,
        title: bytes,
        address: bytes = b"",
        *,
        is_known: bool = False,
    ) -> None:
        _ROW.pack_into(self._table, place * _ROW.size, pid, title, address, is_known)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
