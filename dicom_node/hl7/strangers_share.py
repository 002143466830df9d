"""What senders that are not known may take of the processor."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHARE = 0.25
"""Of one processor, for all of them together."""
_CREDIT_S = 5.0
"""Of processor time: what was not used may be used later, by a system that sends what it kept."""
_MOST_DEBT_S = 0.5


class StrangersShare:
    """Makes them wait for the processor time that the listener used, for them or for others.

    A message may have a megabyte and costs most while it arrives: what the thread of the event
    loop uses counts, and what is stated of other threads.
    """

    def __init__(
        self,
        used_s: Callable[[], float] = time.thread_time,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used_s = used_s
        self._now_s = now_s
        self._credit_s = _CREDIT_S
        self._elsewhere_s = 0.0
        self._last = used_s(), now_s()

    @contextmanager
    def used_by_this_thread(self) -> Iterator[None]:
        """Count the work of a thread other than that of the event loop; one at a time."""
        begun_s = self._used_s()
        try:
            yield
        finally:
            self._elsewhere_s += self._used_s() - begun_s

    def left_s(self) -> float:
        """How long they wait yet; 0 where they need not."""
        last_used_s, last_s = self._last
        used_s, now_s = self._last = self._used_s() + self._elsewhere_s, self._now_s()
        credit_s = min(self._credit_s + (now_s - last_s) * _SHARE, _CREDIT_S)
        self._credit_s = max(credit_s - (used_s - last_used_s), -_MOST_DEBT_S)
        return max(-self._credit_s / _SHARE, 0.0)

    async def wait(self) -> None:
        while (left_s := self.left_s()) > 0:
            await asyncio.sleep(left_s)
