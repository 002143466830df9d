"""When a series is ready: nothing arrived for the quiet time, or it grew for too long.

A late instance reopens its series (the index does that); completing it again
gives another fingerprint, and so a revised job.
"""

from datetime import datetime

import structlog

from storage.entities import Series
from storage.opening import Storage

log = structlog.get_logger(__name__)


def complete_quiet_series(storage: Storage, now: datetime) -> list[Series]:
    """Mark every quiet series complete and return those that are."""
    settings = storage.settings
    completed = []
    for quiet in storage.index.quiet_series(now, settings.series_quiet_s, settings.series_forced_s):
        series = storage.index.mark_complete(quiet, now)
        if series is None:
            continue  # an instance arrived in between; the series is receiving again
        log.info(
            "series_complete",
            series_instance_uid=series.series_instance_uid,
            instance_count=series.instance_count,
            origin=series.origin,
        )
        completed.append(series)
    return completed
