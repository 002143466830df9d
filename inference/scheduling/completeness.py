"""When a series is ready: what was announced is there, or nothing arrived for the quiet time.

Modalities (MPPS) and archives (availability notices) may say which instances a series
has. It is then complete as soon as they are there, and does not pass as quiet while some
are missing. In any case it is complete after it grew for too long. A late instance
reopens its series (`storage.index.insert_instance`); completing it again gives another fingerprint,
and so a revised job.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from storage.core.entities import Series
from storage.index.expected_instances import Expectations
from storage.index.repository import Index
from storage.settings import Settings

log = structlog.get_logger(__name__)

_COPIED_WITHIN_S = 5.0
_LOOKED_EVERY_S = 0.1


def complete_quiet_series(
    settings: Settings,
    index: Index,
    expectations: Expectations,
    now: datetime,
    between: Callable[[], None] = lambda: None,
) -> list[Series]:
    """Mark every series complete that is, and return those.

    `between` is called before each: hundreds may be complete at once, and others wait meanwhile.
    """
    announced = expectations.of_receiving()
    waiting = {_key(one.series): one for one in announced if one.missing_count}
    ready = [(one.series, "announced") for one in announced if one.is_whole]
    seen = {_key(series) for series, _ in ready}
    for quiet in index.quiet_series(now, settings.series_quiet_s, settings.series_forced_s):
        if _key(quiet) in seen:
            continue
        one = waiting.get(_key(quiet))
        if one is None:
            ready.append((quiet, "quiet"))
        elif _is_overdue(quiet, now, settings):
            log.warning(
                "series_incomplete",
                series_instance_uid=quiet.series_instance_uid,
                missing=one.missing_count,
            )
            ready.append((quiet, "forced"))
    completed = []
    for receiving, reason in ready:
        between()
        if settings.own_disks and index.waits_for_bucket(receiving):
            # Every host is to read it; the one that received it copies it there soon.
            if abs(now - receiving.last_instance_at) < timedelta(seconds=settings.series_forced_s):
                continue
            log.warning("series_not_copied", series_instance_uid=receiving.series_instance_uid)
        series = index.mark_complete(receiving, now)
        if series is None:
            continue  # an instance arrived in between; the series is receiving again
        log.info(
            "series_complete",
            series_instance_uid=series.series_instance_uid,
            instance_count=series.instance_count,
            origin=series.origin,
            reason=reason,
        )
        completed.append(series)
    return completed


def wait_for_bucket(settings: Settings, index: Index, series: Sequence[Series]) -> list[Series]:
    """Those of which the bucket lacks something after some seconds, where hosts read from there.

    A job on another host would not find it.
    """
    if not settings.own_disks:
        return []
    until_s = time.monotonic() + _COPIED_WITHIN_S
    while waiting := [one for one in series if index.waits_for_bucket(one)]:
        if time.monotonic() > until_s:
            return waiting
        time.sleep(_LOOKED_EVERY_S)
    return []


def _key(series: Series) -> tuple[str, str]:
    return series.study_instance_uid, series.series_instance_uid


def _is_overdue(series: Series, now: datetime, settings: Settings) -> bool:
    """Whether it waited for the forced time, since it was last complete if it ever was."""
    since = series.completed_at or series.first_instance_at
    # A clock that was set back would otherwise hold the series for ever.
    clock_went_back = series.last_instance_at > now + timedelta(seconds=settings.series_quiet_s)
    return clock_went_back or since <= now - timedelta(seconds=settings.series_forced_s)
