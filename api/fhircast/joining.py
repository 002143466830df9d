"""Which topics a process passes on to another system's hub: those of people with a page open."""

import threading
from collections.abc import Callable

from api.access.caller_visibility import CallerVisibility
from api.access.principal import Principal
from api.fhircast.joined_hub import JoinedHub
from api.fhircast.members import HubStorage
from storage.core.callers.visibility import limited_to
from storage.fhircast.entities import Announced, Subscription, Topic

Joined = tuple[str, str]
"""A topic, and the one of the other hub that it joined."""


class JoinedHubs:
    def __init__(
        self, storage: HubStorage, known: CallerVisibility, stopping: Callable[[], bool]
    ) -> None:
        self._storage = storage
        self._known = known
        self._stopping = stopping
        self._lock = threading.Lock()
        # How many channels need it, and what serves them.
        self._running: dict[Joined, tuple[int, JoinedHub]] = {}

    def follow(
        self,
        former: Joined | None,
        subscription: Subscription,
        principal: Principal,
        topic: Topic | None,
    ) -> Joined | None:
        """What the channel of a person takes part in by now; `former`: until now. Blocks.

        `topic`: its own, if it joined one of the other hub.

        The channel of a program, which others gave the topic, takes part in nothing else.
        """
        wanted = self._wanted(subscription, topic)
        if wanted != former:
            self.leave(former)
            if wanted is not None:
                self._enter(wanted, principal)
        return wanted

    def leave(self, joined: Joined | None) -> None:
        """The channel is closed."""
        if joined is None:
            return
        with self._lock:
            count, hub = self._running.pop(joined)
            if count > 1:
                self._running[joined] = (count - 1, hub)
            else:
                hub.leave()

    def _wanted(self, subscription: Subscription, topic: Topic | None) -> Joined | None:
        if not self._storage.settings.fhircast_hub_url or topic is None:
            return None
        if topic.owner_id != subscription.identity_id or not topic.joined_topic:
            return None
        return topic.topic, topic.joined_topic

    def _enter(self, joined: Joined, principal: Principal) -> None:
        def read(topic: str, number: int) -> list[Announced]:
            # What the person may not see does not leave for the other hub either.
            with limited_to(self._known.now(self._storage.engine, principal)):
                return self._storage.fhircast_events.since(topic, number)

        with self._lock:
            count, hub = self._running.get(joined, (0, None))
            if hub is None:
                hub = JoinedHub(self._storage, joined, read, self._stopping)
                hub.start()
            self._running[joined] = (count + 1, hub)
