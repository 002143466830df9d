"""Housekeeping, retention and healing of one process, each done by one thread at a time."""

import threading
import time
from collections.abc import Callable

from inference.deliveries.healing import heal_from_destinations
from inference.retention.service import RetentionRounds
from inference.worker.process import Holder
from inference.worker.task_edge import if_free
from storage.core.clock import utcnow
from storage.maintenance.housekeeping import Housekeeper

_HEAL_EVERY_S = 600.0


class Maintenance:
    def __init__(self, holder: Holder, stopping: Callable[[], bool]) -> None:
        self._holder = holder
        self._stopping = stopping
        self._housekeeping = threading.BoundedSemaphore(1)
        self._retaining = threading.BoundedSemaphore(1)
        self._healing = threading.BoundedSemaphore(1)
        self._heal_next_s = 0.0
        # Made at the first task: the process opens its storage when it starts to work.
        self._housekeeper: Housekeeper | None = None
        self._rounds: RetentionRounds | None = None

    def housekeep(self) -> None:
        if_free(self._housekeeping, "housekeep", lambda: self._housekeep(compact_now=False))

    def apply_retention(self, ahead_bytes: int | None = None) -> None:
        """`ahead_bytes`: to be free beyond the mark of eviction, for what arrives meanwhile; none:
        it is the clock that calls."""
        if ahead_bytes is not None and self._is_housekeeping():
            # Volumes that are being rewritten take room, which is there again in a moment.
            return
        if_free(self._retaining, "apply_retention", lambda: self._apply_retention(ahead_bytes or 0))

    def _is_housekeeping(self) -> bool:
        if not self._housekeeping.acquire(blocking=False):
            return True
        self._housekeeping.release()
        return False

    def _housekeep(self, *, compact_now: bool) -> None:
        if self._housekeeper is None:
            self._housekeeper = Housekeeper(self._holder.process.storage)
        while self._housekeeper.round(utcnow(), compact_now=compact_now) and not self._stopping():
            compact_now = False
        if_free(self._healing, "heal", self._heal)

    def _heal(self) -> None:
        """Now and then: a destination that had nothing to give has nothing a moment later."""
        if time.monotonic() < self._heal_next_s:
            return
        self._heal_next_s = time.monotonic() + _HEAL_EVERY_S
        heal_from_destinations(self._holder.process.storage, self._stopping)

    def _apply_retention(self, ahead_bytes: int) -> None:
        if self._rounds is None:
            self._rounds = RetentionRounds(self._holder.process.storage)
        done = self._rounds.round(utcnow(), self._stopping, ahead_bytes)
        if done.is_short and done.removed:
            if_free(self._housekeeping, "housekeep", lambda: self._housekeep(compact_now=True))
