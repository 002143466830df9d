"""Which channels of a process still stand, and for whom: asked once a second for all of them."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.access.principal import Principal
from api.fhircast.members import HubStorage
from api.fhircast.subscribers import present_subscribers
from storage.core.clock import utcnow
from storage.fhircast.entities import Subscription, Topic

LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Standing:
    """`subscription`: None where it has ended; `principal`: where its sign-in or key has.

    `joined`: the topic, if it joined one of another hub.
    """

    subscription: Subscription | None
    principal: Principal | None
    joined: Topic | None


class StandingChannels:
    """Four statements a second at most, however many channels there are."""

    def __init__(self, storage: HubStorage) -> None:
        self._storage = storage
        self._lock = asyncio.Lock()
        # How many connections have the channel: of a second, the first finds out that it lost it.
        self._listening: Counter[str] = Counter()
        self._found: dict[str, Standing] = {}
        self._looked_at = -LOOK_EVERY_S

    def enter(self, endpoint_hash: str) -> None:
        self._listening[endpoint_hash] += 1
        # It may have been given to another connection, or to another topic, since.
        self._found.pop(endpoint_hash, None)

    def leave(self, endpoint_hash: str) -> None:
        self._listening[endpoint_hash] -= 1
        if self._listening[endpoint_hash] < 1:
            del self._listening[endpoint_hash]
            self._found.pop(endpoint_hash, None)

    async def of(self, endpoint_hash: str) -> Standing:
        """As it was found within the last second. Raises StorageUnavailable."""
        async with self._lock:
            is_fresh = time.monotonic() - self._looked_at < LOOK_EVERY_S
            if not is_fresh or endpoint_hash not in self._found:
                self._found = await run_in_threadpool(self._look, list(self._listening))
                self._looked_at = time.monotonic()
            return self._found.get(endpoint_hash, Standing(None, None, None))

    def _look(self, hashes: list[str]) -> dict[str, Standing]:
        storage, now = self._storage, utcnow()
        subscriptions = storage.fhircast_subscriptions.standing(hashes, now)
        present = present_subscribers(storage, list(subscriptions.values()), now)
        topics = storage.fhircast_topics.joined() if storage.settings.fhircast_hub_url else {}
        return {
            one: Standing(
                subscriptions.get(one),
                present.get(one),
                topics.get(subscriptions[one].topic) if one in subscriptions else None,
            )
            for one in hashes
        }
