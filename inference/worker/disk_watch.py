"""Looks at the free disk each second, so that studies leave before anything is refused.

Rounds of retention come every half minute, and a burst may fill the disk between two of them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from storage.retention.disk import DiskMarks
from storage.settings import Settings
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
# Of the last seconds is seen how fast the disk fills, ...
_LOOK_BACK_S = 10.0
# ... and so long may it take until what has left has made room.
_AHEAD_S = 30.0
# What could not be freed cannot be a moment later either.
_AGAIN_S = 5.0


class DiskWatch:
    """Says when a round begins at once, and how far ahead of the mark. Not safe for threads."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._next_s = float("-inf")

    def ahead_bytes(self, free_bytes: int, marks: DiskMarks, now_s: float) -> int | None:
        """How much is to be free beyond the mark of eviction, None while there is enough.

        As much as arrives in half a minute at the pace of the last seconds; at most as much
        again as the mark. `now_s`: of the monotonic clock.
        """
        while self._seen and now_s - self._seen[0][0] > _LOOK_BACK_S:
            self._seen.popleft()
        ahead = 0
        if self._seen:
            then_s, then_bytes = self._seen[0]
            per_s = (then_bytes - free_bytes) / max(now_s - then_s, _EVERY_S)
            ahead = min(max(0, int(per_s * _AHEAD_S)), marks.evict_bytes)
        self._seen.append((now_s, free_bytes))
        if free_bytes >= marks.evict_bytes + ahead or now_s < self._next_s:
            return None
        self._next_s = now_s + _AGAIN_S
        return ahead


def watch_disk(
    settings: Settings,
    volumes: VolumeWriter,
    evict: Callable[[int], None],
    stopping: Callable[[], bool],
) -> None:
    """Call `evict` with the bytes that are to be free beyond the mark, from a thread of its own."""

    def run() -> None:
        watch = DiskWatch()
        while not stopping():
            time.sleep(_EVERY_S)
            try:
                marks = DiskMarks.of(settings, volumes.disk_bytes())
                ahead = watch.ahead_bytes(volumes.free_bytes(), marks, time.monotonic())
                if ahead is not None:
                    evict(ahead)
            except Exception as error:  # noqa: BLE001 - the rounds of the clock come all the same
                log.warning("disk_not_watched", error=type(error).__name__)
                time.sleep(_AGAIN_S)

    threading.Thread(target=run, name="disk-watch", daemon=True).start()
