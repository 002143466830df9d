"""The number of the newest event of each topic, looked up once for all channels of a process."""

import asyncio
import time

from starlette.concurrency import run_in_threadpool

from storage.fhircast.events import FhircastEvents

LOOK_EVERY_S = 0.2


class NewestOfTopics:
    def __init__(self, events: FhircastEvents) -> None:
        self._events = events
        self._lock = asyncio.Lock()
        self._numbers: dict[str, int] = {}
        self._looked_at = -LOOK_EVERY_S

    async def number(self, topic: str) -> int:
        """0 for a topic without events. By topic, since numbers of several are committed in any
        order, and those of one in theirs."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_EVERY_S:
                self._numbers = await run_in_threadpool(self._events.newest)
                self._looked_at = time.monotonic()
            return self._numbers.get(topic, 0)
