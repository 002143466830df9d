"""How many requests one may make: a bucket of tokens each, in the memory of one process.

Several processes behind one port each have their own buckets: a node of four lets
through at most four times the set rate. That is a bound all the same, costs no
round trip for each frame of a series, and fails with nothing. Attempts to sign in,
where every single one matters, are counted in the database instead.
"""

import threading
import time

_MOST = 20_000
_BURST_S = 10.0


class RateLimiter:
    """`per_minute` on average, ten seconds' worth at once; 0 lets everything through."""

    def __init__(self, per_minute: int) -> None:
        self._per_s = per_minute / 60.0
        self._capacity = max(self._per_s * _BURST_S, 1.0)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, who: str) -> float:
        """Take one token. Seconds to wait where there is none, else 0."""
        if not self._per_s:
            return 0.0
        now = time.monotonic()
        with self._lock:
            tokens, at = self._buckets.get(who, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - at) * self._per_s)
            if tokens < 1.0:
                self._buckets[who] = (tokens, now)
                return (1.0 - tokens) / self._per_s
            if who not in self._buckets and len(self._buckets) >= _MOST:
                self._forget_full(now)
            self._buckets[who] = (tokens - 1.0, now)
            return 0.0

    def wait_of(self, who: str) -> float:
        """Seconds to wait for the next token, without taking one."""
        if not self._per_s:
            return 0.0
        with self._lock:
            tokens, at = self._buckets.get(who, (self._capacity, 0.0))
        tokens += (time.monotonic() - at) * self._per_s
        return max(0.0, (1.0 - tokens) / self._per_s)

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            who: (tokens, at)
            for who, (tokens, at) in self._buckets.items()
            if tokens + (now - at) * self._per_s < self._capacity
        }
        while len(self._buckets) >= _MOST:
            # The oldest: a flood from many addresses must not fill the memory.
            del self._buckets[next(iter(self._buckets))]
