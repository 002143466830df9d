"""A small least-recently-used cache, bounded by bytes."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakSet

PAUSE_S = 60.0
"""So long nothing is kept after a cache was cleared: it may be made of bytes read before that."""

_all: "WeakSet[ByteCache[Any, Any]]" = WeakSet()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Keeps what was used last, until the stated sizes add up to more than `max_bytes`."""

    def __init__(self, max_bytes: int, *, pauses: bool = True) -> None:
        """`pauses`: whether it keeps nothing for a while after it was cleared."""
        self._max_bytes = max_bytes
        self._pause_s = PAUSE_S if pauses else 0.0
        self._paused_until_s = 0.0
        self._bytes = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()
        _all.add(self)

    def get(self, key: K) -> V | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            return
        with self._lock:
            if time.monotonic() < self._paused_until_s:
                return
            replaced = self._entries.pop(key, None)
            if replaced is not None:
                self._bytes -= replaced[1]
            self._entries[key] = (value, size_bytes)
            self._bytes += size_bytes
            while self._bytes > self._max_bytes:
                _, (_, evicted_bytes) = self._entries.popitem(last=False)
                self._bytes -= evicted_bytes

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._bytes = 0
            self._paused_until_s = time.monotonic() + self._pause_s


def clear_all() -> None:
    """Forget what instances were found to hold: some of them were read from damaged bytes."""
    for cache in list(_all):
        cache.clear()
