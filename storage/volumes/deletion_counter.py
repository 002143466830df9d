"""How many deletions a volumes folder has seen: a clock of its own for them.

A tombstone covers the records that were written before it. The time of day
cannot say which those are, since it may be set back; this counter can. Every process maps its
file, so that reading it costs nothing, and it is on disk before the tombstone that bears its
number. On a file system that several hosts use the file is locked and read each time, since pages
in memory do not show what another host has written. Hosts with disks of their own count in the
database, which each folder's counter follows.

The file holds the number twice, each time with its complement, so that damaged bytes are noticed
and the other copy is taken. Where neither is right, or the file is lost, it counts on above all
that the volumes know of. A number that is too high does no harm: only the order matters.
"""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import structlog

from storage.core.data_folder.network_file_systems import is_on_network
from storage.volumes.durable_names import make_folder, sync_name
from storage.volumes.records import PLAUSIBLE_GENERATIONS, plausible
from storage.volumes.scan import scan, volumes_in

log = structlog.get_logger(__name__)

NAME = "deletions"
_COPY = struct.Struct("<QQ")
_BYTES = 2 * _COPY.size
_EARLIER = struct.Struct("<Q")
"""Versions before kept the bare number."""
_ONES = (1 << 64) - 1
# Deletions that were refused leave no record, and what lies in a bucket alone is not looked at.
_MARGIN = 1 << 20


class Numbers(Protocol):
    """What hosts with disks of their own count by; no host's counter is ahead of it for long."""

    def newest(self) -> int: ...

    def draw(self, least: int) -> int:
        """A new number above `least`."""

    def reach(self, number: int) -> int:
        """Count on from there at least."""


class Generation:
    """The counter of one folder. Safe for threads and across processes."""

    def __init__(self, folder: Path, numbers: Numbers | None = None) -> None:
        self._path = folder / NAME
        self._numbers = numbers
        self._lock = threading.Lock()
        self._mapped: mmap.mmap | None = None
        self._is_on_network = False

    def current(self) -> int:
        """Raises OSError where the folder cannot be written."""
        try:
            content = self._mapped or self._map() or self._read()
        except FileNotFoundError:
            return self._write(lambda right: right)
        number, complement = _COPY.unpack_from(content)
        if number ^ complement == _ONES and number < PLAUSIBLE_GENERATIONS:
            return int(number)
        # Somebody writes it just now, or the disk has changed it.
        return self._write(lambda right: right)

    @property
    def is_of_several_hosts(self) -> bool:
        return self._numbers is not None

    def newest(self) -> int:
        """The same, of all hosts. Raises OSError, and what asking the other hosts' raises."""
        own = self.current()
        if self._numbers is None:
            return own
        newest = self._numbers.newest()
        if own > newest:
            # A counter that was lost counts on above what it knew.
            newest = self._numbers.reach(own)
        return own if own >= newest else self._follow(newest)

    def advance(self) -> int:
        """Count one deletion more; the new number, durable on return.

        Raises OSError, and what drawing the number of all hosts raises.
        """
        if self._numbers is None:
            return self._write(lambda number: number + 1)
        drawn = self._numbers.draw(self.current())
        self._follow(drawn)
        return drawn

    def _follow(self, number: int) -> int:
        return self._write(lambda own: max(own, number))

    def ensure(self, number: int) -> None:
        """A counter that was lost must not fall behind the tombstones. Raises OSError."""
        number = plausible(number)
        if self.current() < number:
            log.warning("deletion_counter_behind", least=number)
            self._write(lambda current: current if current >= number else _beyond(number))

    def close(self) -> None:
        with self._lock:
            if self._mapped is not None:
                self._mapped.close()
                self._mapped = None

    def _write(self, change: Callable[[int], int]) -> int:
        self._map()
        # A file that is lost is made again where all read it each time. Who has mapped it would go
        # on with the pages of the lost one.
        create = os.O_CREAT if self._is_on_network else 0
        with self._locked(os.O_RDWR | create) as fd:
            is_made = not os.fstat(fd).st_size
            number = self._settle(fd, change)
            if is_made:
                sync_name(self._path)
            return number

    def _map(self) -> mmap.mmap | None:
        """None where the file has to be read each time."""
        with self._lock:
            if self._mapped is None and not self._is_on_network:
                make_folder(self._path.parent)
                with self._locked(os.O_RDWR | os.O_CREAT) as fd:
                    self._settle(fd, lambda right: right)
                    sync_name(self._path)
                    if is_on_network(self._path.parent):
                        self._is_on_network = True
                    else:
                        self._mapped = mmap.mmap(fd, _BYTES, prot=mmap.PROT_READ)
            return self._mapped

    def _read(self) -> bytes:
        # The client of a network file system asks its server once it has the lock.
        with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as fd:
            return os.pread(fd, _BYTES, 0).ljust(_BYTES, b"\0")

    @contextmanager
    def _locked(self, flags: int, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
        fd = os.open(self._path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, kind)
            yield fd
        finally:
            # Closing does not do it: a mapping keeps a descriptor of its own.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)

    def _settle(self, fd: int, change: Callable[[int], int]) -> int:
        """Change the number, or put its file right; the number, durable where it was written."""
        content = os.pread(fd, _BYTES + 1, 0)
        right = _number(content)
        if right is None:
            folder = self._path.parent
            is_new = not content and not volumes_in(folder)
            right = 0 if is_new else _beyond(_highest(folder))
            if not is_new:
                log.warning("deletion_counter_rebuilt", counted_on_from=right)
        number = change(right)
        wanted = 2 * _COPY.pack(number, number ^ _ONES)
        if content != wanted:
            os.pwrite(fd, wanted, 0)
            os.ftruncate(fd, _BYTES)
            os.fsync(fd)
        return number


def counter_damage(folder: Path) -> str:
    """What is wrong with the counter's file, as the end of a sentence; empty where all is well.

    Changes nothing. Raises OSError.
    """
    try:
        content = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return "is missing" if volumes_in(folder) else ""
    number = _number(content)
    if number is None:
        return "is damaged" if content or volumes_in(folder) else ""
    if len(content) == _EARLIER.size or content == 2 * _COPY.pack(number, number ^ _ONES):
        return ""
    return "is damaged in one of its two copies"


def _number(content: bytes) -> int | None:
    """What the file says; None where that cannot be believed."""
    if len(content) == _EARLIER.size:
        (number,) = _EARLIER.unpack(content)
        return number if number < PLAUSIBLE_GENERATIONS else None
    right = [
        number
        for number, complement in _COPY.iter_unpack(content[:_BYTES].ljust(_BYTES, b"\0"))
        if number ^ complement == _ONES and number < PLAUSIBLE_GENERATIONS
    ]
    return max(right, default=None)


def _beyond(number: int) -> int:
    """A number above that one, which is still believed."""
    return min(number + _MARGIN, PLAUSIBLE_GENERATIONS - 1)


def _highest(folder: Path) -> int:
    """Of all generations that records of the folder's volumes bear; 0 where none does."""
    highest = 0
    for path in volumes_in(folder):
        with suppress(FileNotFoundError):
            highest = max([highest, *(record.note.generation for record in scan(path, mends=True))])
    return highest
