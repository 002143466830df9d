"""Memory in which records are gathered before they are written together."""

import errno
import mmap
import os
from collections.abc import Iterable, Iterator

from storage.volumes.records import BLOCK_BYTES, whole_blocks

# A record beyond this is written on its own, through the same memory.
CAPACITY_BYTES = 9 << 20


class WriteBuffer:
    """A block-aligned piece of memory, filled from its beginning. Not safe for threads."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        # Anonymous memory of mmap begins with a page; pages that were never filled take nothing.
        self._memory = memoryview(mmap.mmap(-1, whole_blocks(capacity_bytes)))
        self.length = 0

    @property
    def room(self) -> int:
        return len(self._memory) - self.length

    def take(self, piece: bytes | bytearray | memoryview) -> None:
        """Copy a piece that fits behind what is there."""
        end = self.length + len(piece)
        self._memory[self.length : end] = piece
        self.length = end

    def read_from(self, fd: int, position: int, length: int) -> int:
        """Fill an empty buffer from a file, with up to `length` bytes; how many. Raises OSError."""
        count = os.preadv(fd, (self._memory[: min(length, len(self._memory))],), position)
        if not count:
            raise OSError(errno.EIO, "a file ends before what was written to it")
        self.length = count
        return count

    def blocks(self) -> memoryview:
        """What was taken, with zeros up to a whole block."""
        end = whole_blocks(self.length)
        self._memory[self.length : end] = bytes(end - self.length)
        return self._memory[:end]

    def through(self, pieces: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
        """Whole blocks of pieces of any size, each good until the next is asked for."""
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                step = rest[: self.room]
                self.take(step)
                rest = rest[len(step) :]
                if not self.room:
                    yield self.blocks()
                    self.clear()
        if self.length:
            yield self.blocks()

    def clear(self) -> None:
        self.length = 0


if mmap.PAGESIZE % BLOCK_BYTES:
    raise ImportError(f"memory pages of {mmap.PAGESIZE} bytes do not hold whole blocks")
