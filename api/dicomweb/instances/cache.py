"""A small least-recently-used cache, bounded by bytes."""

import math
import time
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakSet

PAUSE_S = 60.0
"""So long nothing is kept after a cache was cleared: it may be made of bytes read before that."""

_all: "WeakSet[ByteCache[Any, Any]]" = WeakSet()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Entry(NamedTuple, Generic[V]):
    value: V
    size_bytes: int
    put_at_s: float


class ByteCache(Generic[K, V]):
    """Keeps what was used last, until the stated sizes add up to more than `max_bytes`."""

    def __init__(
        self,
        max_bytes: int,
        *,
        largest_bytes: int | None = None,
        max_age_s: float = math.inf,
        pauses: bool = True,
    ) -> None:
        """
        Args:
            largest_bytes: what is larger is not kept; by default what is larger than all of it.
            max_age_s: so long at most, counted from when it was put there and not from when it was
                asked for, so that what has been deleted is not kept by being asked for.
            pauses: whether it keeps nothing for a while after it was cleared.
        """
        self._max_bytes = max_bytes
        self._largest_bytes = min(max_bytes, largest_bytes or max_bytes)
        self._max_age_s = max_age_s
        self._pause_s = PAUSE_S if pauses else 0.0
        self._paused_until_s = 0.0
        self._bytes = 0
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._lock = Lock()
        _all.add(self)

    def get(self, key: K) -> V | None:
        with self._lock:
            self._forget_old()
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry.value

    def put(self, key: K, value: V, size_bytes: int) -> None:
        if size_bytes > self._largest_bytes:
            return
        with self._lock:
            if time.monotonic() < self._paused_until_s:
                return
            self._remove(key)
            self._entries[key] = _Entry(value, size_bytes, time.monotonic())
            self._bytes += size_bytes
            while self._bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._bytes = 0
            self._paused_until_s = time.monotonic() + self._pause_s

    def _forget_old(self) -> None:
        if math.isinf(self._max_age_s):
            return
        oldest_s = time.monotonic() - self._max_age_s
        for key in [key for key, entry in self._entries.items() if entry.put_at_s < oldest_s]:
            self._remove(key)

    def _remove(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes


def clear_all() -> None:
    """Once damage is found or repaired: some of it was made of bytes with another digest."""
    for cache in list(_all):
        cache.clear()
