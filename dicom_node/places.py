"""Who holds an association just now, over all receiving processes of the node.

A table in memory that the processes share: one row a place, with the process
that holds it and the AE title of its peer. The kernel frees the table's lock
when a process dies, and the rows of processes that are gone count as free, so
nothing has to be put right after kill -9.
"""

import fcntl
import mmap
import os
import struct
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_ROW = struct.Struct("<I16s")  # process id, 0 where free; AE title (PS3.5 6.2: 16 bytes)


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

    def take(self) -> tuple[int, int] | None:
        """A place, and how many were taken before; None where all are."""
        with self._locked():
            rows = self._rows()
            taken = {place for place, pid, _ in rows if self._lives(place, pid)}
            free = next((place for place in range(self._count) if place not in taken), None)
            if free is None:
                return None
            self._write(free, os.getpid(), b"")
            return free, len(taken)

    def name(self, place: int, ae_title: str, limit: int) -> bool:
        """Say whose a place is; False where the title holds `limit` others already (0: any)."""
        title = ae_title.encode("ascii", "replace")[:16].ljust(16, b"\0")
        with self._locked():
            if limit:
                held = sum(
                    other == title and place != at and self._lives(at, pid)
                    for at, pid, other in self._rows()
                )
                if held >= limit:
                    return False
            self._write(place, os.getpid(), title)
            return True

    def give_back(self, place: int) -> None:
        with self._locked():
            self._write(place, 0, b"")

    def is_ahead(self, processes: int) -> bool:
        """Whether this process holds more places than another of so many. A guess: not locked."""
        held = Counter(pid for pid, _ in _ROW.iter_unpack(self._table) if pid)
        least = min(held.values()) if len(held) >= processes else 0
        return held[os.getpid()] > least

    def _rows(self) -> list[tuple[int, int, bytes]]:
        """Those that are taken: place, process and AE title."""
        rows = enumerate(_ROW.iter_unpack(self._table))
        return [(place, pid, title) for place, (pid, title) in rows if pid]

    def _lives(self, place: int, pid: int) -> bool:
        if pid == os.getpid():
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            self._write(place, 0, b"")
            return False
        return True

    def _write(self, place: int, pid: int, title: bytes) -> None:
        _ROW.pack_into(self._table, place * _ROW.size, pid, title)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
