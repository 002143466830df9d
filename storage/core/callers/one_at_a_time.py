"""One at a time of each kind, so that one caller's many requests are one load and not many."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.core.errors import LimitExceeded

_LONGEST_WAIT_S = 30.0


@dataclass
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    takers: int = 0


class OneAtATime:
    """Safe for threads. Others wait for `longest_wait_s` at most."""

    def __init__(self, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        self._longest_wait_s = longest_wait_s
        self._lock = threading.Lock()
        self._places: dict[Hashable, _Place] = {}

    @contextmanager
    def of(self, key: Hashable) -> Iterator[None]:
        """Who comes with the same key meanwhile waits. Raises LimitExceeded."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            place.takers += 1
        try:
            if not place.lock.acquire(timeout=self._longest_wait_s):
                raise LimitExceeded(
                    "Earlier requests of the same kind still go on.",
                    remedy="Send it again once they are answered.",
                )
            try:
                yield
            finally:
                place.lock.release()
        finally:
            with self._lock:
                place.takers -= 1
                if not place.takers:
                    del self._places[key]
