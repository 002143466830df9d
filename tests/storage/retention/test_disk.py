"""When the disk will be full, by the trend of the last days."""

from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.retention.disk import DiskMarks
from storage.settings import load_settings

GIB = 1 << 30
NOW = utcnow()


def test_a_disk_that_fills_is_full_when_the_mark_is_reached(storage: Storage) -> None:
    samples = storage.disk_samples
    for hours in range(0, 73, 12):
        samples.note(NOW + timedelta(hours=hours), 100 * GIB - hours * GIB // 2)
    now = NOW + timedelta(hours=72)
    forecast = samples.forecast(now, 64 * GIB, refuse_bytes=4 * GIB)
    assert forecast is not None
    assert forecast.filled_bytes_per_day == pytest.approx(12 * GIB)
    assert forecast.full_at == now + timedelta(days=5)


def test_too_short_a_time_says_nothing_and_an_emptier_disk_is_never_full(storage: Storage) -> None:
    storage.disk_samples.note(NOW, 50 * GIB)
    # Once an hour is enough.
    storage.disk_samples.note(NOW + timedelta(minutes=30), 10 * GIB)
    assert storage.disk_samples.forecast(NOW + timedelta(hours=5), 40 * GIB, 0) is None
    forecast = storage.disk_samples.forecast(NOW + timedelta(hours=7), 60 * GIB, 0)
    assert forecast is not None
    assert forecast.full_at is None


def test_a_clock_that_was_set_back_does_not_stop_the_samples(storage: Storage) -> None:
    storage.disk_samples.note(NOW + timedelta(days=400), 50 * GIB)
    storage.disk_samples.note(NOW, 50 * GIB)
    forecast = storage.disk_samples.forecast(NOW + timedelta(days=1), 40 * GIB, 0)
    assert forecast is not None
    assert forecast.full_at == NOW + timedelta(days=5)


def test_marks_are_shares_of_the_disk_unless_they_are_set() -> None:
    large = DiskMarks.of(load_settings(), 1000 * GIB)
    assert (large.warn_bytes, large.evict_bytes) == (150 * GIB, 100 * GIB)
    small = DiskMarks.of(load_settings(), 4 * GIB)
    assert (small.warn_bytes, small.evict_bytes) == (3 * GIB // 2, GIB)
    stated = DiskMarks.of(load_settings(disk_warn_bytes=7, disk_evict_bytes=5), GIB)
    assert (stated.warn_bytes, stated.evict_bytes) == (7, 5)
