"""A clock that leaps ahead must not let everything leave whose time seems to be over.

Somebody who sets it right within a day loses nothing. A node that was off for so long waits a day.
"""

import time
from datetime import datetime, timedelta

LEAP = timedelta(days=7)
WAIT = timedelta(days=1)


class ClockDoubt:
    """Remembers since when the clock is doubted, by one that nobody sets. Not safe for threads."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def is_in_doubt(self, trusted_at: datetime | None, now: datetime) -> bool:
        """`trusted_at`: the time of the last round that was in no doubt; none before the first."""
        if trusted_at is None or now - trusted_at <= LEAP:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = time.monotonic()
        return time.monotonic() - self._since_s < WAIT.total_seconds()
