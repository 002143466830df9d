"""Looks at the free disk each second, so that studies leave before anything is refused.

Rounds of retention come every half minute, and a burst may fill the disk between two of them.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from storage.core.clock import utcnow
from storage.retention.disk import DiskMarks
from storage.retention.repository import StudyRetention
from storage.settings import Settings
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
# Of the last seconds is seen how fast studies arrive, ...
_LOOK_BACK_S = 10.0
# ... and so long may it take until what has left has made room.
_AHEAD_S = 30.0
# What could not be freed cannot be a moment later either, and what was is free once volumes are
# rewritten and nobody has the old ones open.
_AGAIN_S = 10.0


class DiskWatch:
    """Says when a round begins at once, and how far ahead of the mark. Not safe for threads."""

    def __init__(self) -> None:
        self._next_s = float("-inf")

    def ahead_bytes(
        self, free_bytes: int, marks: DiskMarks, now_s: float, arrived_bytes: Callable[[], int]
    ) -> int | None:
        """How much is to be free beyond the mark of eviction, None while there is enough.

        As much as arrives in half a minute at the pace of the last seconds; at most as much
        again as the mark. `now_s`: of the monotonic clock. `arrived_bytes`: in those seconds,
        asked where it matters; the free disk says it not, as rewritten volumes take room, too.
        """
        if free_bytes >= 2 * marks.evict_bytes or now_s < self._next_s:
            return None
        ahead = min(int(arrived_bytes() / _LOOK_BACK_S * _AHEAD_S), marks.evict_bytes)
        # Where nothing arrives, nothing is refused before the clock's next round.
        if not ahead or free_bytes >= marks.evict_bytes + ahead:
            return None
        self._next_s = now_s + _AGAIN_S
        return ahead


def watch_disk(
    settings: Settings,
    volumes: VolumeWriter,
    retention: StudyRetention,
    evict: Callable[[int], None],
    stopping: Callable[[], bool],
) -> None:
    """Call `evict` with the bytes that are to be free beyond the mark, from a thread of its own."""

    def arrived_bytes() -> int:
        return retention.arrived_bytes(utcnow() - timedelta(seconds=_LOOK_BACK_S))

    def run() -> None:
        watch = DiskWatch()
        while not stopping():
            time.sleep(_EVERY_S)
            try:
                marks = DiskMarks.of(settings, volumes.disk_bytes())
                free_bytes = volumes.free_bytes()
                ahead = watch.ahead_bytes(free_bytes, marks, time.monotonic(), arrived_bytes)
                if ahead is not None:
                    evict(ahead)
            except Exception as error:  # noqa: BLE001 - the rounds of the clock come all the same
                log.warning("disk_not_watched", error=type(error).__name__)
                time.sleep(_AGAIN_S)

    threading.Thread(target=run, name="disk-watch", daemon=True).start()
