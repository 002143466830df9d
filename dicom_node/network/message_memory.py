"""What the messages of all associations of a process may take while they arrive.

Each may be long, and there are many associations: together they would take gigabytes of data sets
whose ends never come. Short ones are not counted.
"""

import threading
from typing import Protocol

MOST_BYTES = 256 << 20
"""Of all associations of a process."""
_STRANGERS_BYTES = MOST_BYTES // 2
"""Of those of peers that were not entered: the rest is for the others."""


class MessageMemory(Protocol):
    """What one association takes its buffers from."""

    def take(self, size_bytes: int) -> bool:
        """Whether there is room for so much more."""

    def give_back(self, size_bytes: int) -> None: ...

    @property
    def is_scarce(self) -> bool:
        """Whether what is not used just now is to be given back."""


class SharedMemory:
    """Of one process. Safe for threads."""

    def __init__(
        self, most_bytes: int = MOST_BYTES, strangers_bytes: int = _STRANGERS_BYTES
    ) -> None:
        self._most_bytes = most_bytes
        self._strangers_bytes = strangers_bytes
        self._lock = threading.Lock()
        self._taken_bytes = 0
        self._taken_by_strangers_bytes = 0

    def take(self, size_bytes: int, *, is_known: bool) -> bool:
        """Whether there is room for so much more; strangers have a part of it alone."""
        with self._lock:
            if self._taken_bytes + size_bytes > self._most_bytes:
                return False
            by_strangers = 0 if is_known else size_bytes
            if self._taken_by_strangers_bytes + by_strangers > self._strangers_bytes:
                return False
            self._add(size_bytes, by_strangers)
            return True

    def give_back(self, size_bytes: int, *, is_known: bool) -> None:
        with self._lock:
            self._add(-size_bytes, 0 if is_known else -size_bytes)

    @property
    def is_scarce(self) -> bool:
        """Whether a fourth is taken: idle buffers are given back, and never fill it all."""
        return self._taken_bytes > self._most_bytes // 4

    def _add(self, size_bytes: int, by_strangers: int) -> None:
        self._taken_bytes += size_bytes
        self._taken_by_strangers_bytes += by_strangers


OF_PROCESS = SharedMemory()


class PartOfMemory:
    """What one association takes of it."""

    def __init__(self, shared: SharedMemory, *, is_known: bool) -> None:
        self._shared = shared
        self._is_known = is_known

    def take(self, size_bytes: int) -> bool:
        return self._shared.take(size_bytes, is_known=self._is_known)

    def give_back(self, size_bytes: int) -> None:
        self._shared.give_back(size_bytes, is_known=self._is_known)

    @property
    def is_scarce(self) -> bool:
        return self._shared.is_scarce
