"""How many deletions a volumes folder has seen: a clock of its own for them.

A tombstone covers the records that were written before it. The time of day
cannot say which those are, since it may be set back; this counter can. It is
eight bytes that every process maps, so that reading it costs nothing, and it
is on disk before the tombstone that bears its number.
"""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from storage.volumes.durable_names import make_folder, sync_name

_NUMBER = struct.Struct("<Q")
_NAME = "deletions"


class Generation:
    """The counter of one folder. Safe for threads and across processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._lock = threading.Lock()
        self._mapped: mmap.mmap | None = None

    def current(self) -> int:
        """Raises OSError where the folder cannot be written."""
        mapped = self._mapped or self._map()
        number: int = _NUMBER.unpack_from(mapped)[0]
        return number

    def advance(self) -> int:
        """Count one deletion more; the new number, durable on return. Raises OSError."""
        return self._write(lambda number: number + 1)

    def ensure(self, number: int) -> None:
        """A counter that was lost must not fall behind the tombstones. Raises OSError."""
        if self.current() < number:
            self._write(lambda current: max(current, number))

    def _write(self, change: Callable[[int], int]) -> int:
        self._map()
        fd = os.open(self._path, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            number = change(_NUMBER.unpack(os.pread(fd, _NUMBER.size, 0))[0])
            os.pwrite(fd, _NUMBER.pack(number), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        return number

    def close(self) -> None:
        with self._lock:
            if self._mapped is not None:
                self._mapped.close()
                self._mapped = None

    def _map(self) -> mmap.mmap:
        with self._lock:
            if self._mapped is None:
                make_folder(self._path.parent)
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    # Growing is harmless however many do it at once; writing is not.
                    if os.fstat(fd).st_size < _NUMBER.size:
                        os.ftruncate(fd, _NUMBER.size)
                    sync_name(self._path)
                    self._mapped = mmap.mmap(fd, _NUMBER.size, prot=mmap.PROT_READ)
                finally:
                    os.close(fd)
            return self._mapped
