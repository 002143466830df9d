"""Sending no faster than a peer's line allows."""

import threading
import time
from collections.abc import Callable

PIECE_BYTES = 64 * 1024
# What may be caught up with after a pause: a line is limited over seconds, not over minutes.
_CREDIT_S = 1.0


class Throttle:
    """Makes its callers wait so that what they send stays below a rate. Safe for threads."""

    def __init__(
        self,
        bytes_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def wait_for(self, size_bytes: int) -> None:
        """Return once `size_bytes` more may be sent."""
        with self._lock:
            now = self._clock()
            start = max(self._free_at, now - _CREDIT_S)
            self._free_at = start + size_bytes / self._bytes_per_s
            wait_s = start - now
        if wait_s > 0:
            self._sleep(wait_s)
