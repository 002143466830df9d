"""The number of the newest event, looked up once for all who follow events in a process."""

import asyncio
import time

from starlette.concurrency import run_in_threadpool

from storage.core.callers.visibility import as_node
from storage.events.repository import Events

LOOK_EVERY_S = 0.25


class Newest:
    """The number of the newest event, looked up at most every quarter of a second."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = asyncio.Lock()
        self._value = 0
        self._looked_at = -1.0

    async def event_id(self, at_least: int = 0) -> int:
        """`at_least`: a number that another process of the node may have given out since."""
        async with self._lock:
            is_fresh = 0 <= time.monotonic() - self._looked_at < LOOK_EVERY_S
            if not is_fresh or self._looked_at < 0 or self._value < at_least:
                self._value = await run_in_threadpool(self._last_id)
                self._looked_at = time.monotonic()
            return self._value

    @as_node()
    def _last_id(self) -> int:
        """Of all events: each stream then asks for those that its reader may see."""
        return self._events.last_id()
