"""Which series are worth computing before they are complete.

A series is complete once nothing has arrived for the quiet time. Nearly always it was whole a
second after its last instance, so that the worker, which would only wait, begins then. Where an
instance arrives after all, what was computed is thrown away, and the series is complete when it
would have been complete without any of this.
"""

from datetime import datetime, timedelta

from storage.core.entities import Series
from storage.index.repository import Index
from storage.settings import Settings

# Between two instances of a transfer there is less.
_BEGIN_S = 1.0
# A longer wait for the rest of a series is used at its end: until then it may still grow.
_BEFORE_COMPLETE_S = 15.0
# Of one series, each time that it has grown; after that it waits for the end.
_TIMES = 2
_REMEMBERED = timedelta(hours=1)
# What is read stays in memory for a while.
_LARGEST_BYTES = 1024**3


def begins_after_s(settings: Settings) -> float | None:
    """How long nothing must have arrived; None where nothing is computed early.

    With several processes or hosts the job might run in another one than its series was read in.
    """
    begin_s = max(_BEGIN_S, settings.series_quiet_s - _BEFORE_COMPLETE_S)
    is_only_one = not settings.broker_url and settings.worker_processes == 1
    return begin_s if is_only_one and settings.series_quiet_s > begin_s else None


def early_series(settings: Settings, index: Index, now: datetime) -> list[Series]:
    """Those that have been quiet for long enough, the one first that will be complete first."""
    after_s = begins_after_s(settings)
    if after_s is None:
        return []
    quiet = index.quiet_series(now, after_s, settings.series_forced_s)
    found = [one for one in quiet if one.origin == "received" and one.size_bytes <= _LARGEST_BYTES]
    return sorted(found, key=lambda one: one.last_instance_at)


class EarlyWakeUps:
    """Remembers for which series a worker was woken, as they stood then.

    One whose process crashed over a series is not woken for it again.
    """

    def __init__(self, settings: Settings, index: Index) -> None:
        self._settings = settings
        self._index = index
        self._woken: dict[tuple[str, str], list[tuple[datetime, int]]] = {}

    def due(self, now: datetime) -> list[Series]:
        """Those that nobody was woken for as they stand, the one first that is complete first."""
        due = []
        for series in early_series(self._settings, self._index, now):
            times = self._woken.setdefault(_key(series), [])
            state = series.last_instance_at, series.instance_count
            if state not in times and len(times) < _TIMES:
                times.append(state)
                due.append(series)
        self._woken = {
            key: times
            for key, times in self._woken.items()
            if abs(now - times[-1][0]) < _REMEMBERED
        }
        return due


def _key(series: Series) -> tuple[str, str]:
    return series.study_instance_uid, series.series_instance_uid
