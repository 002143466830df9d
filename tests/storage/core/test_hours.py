"""Times of the week: what lies within, and when the next one begins."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from storage.core.hours import Hours


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> datetime:
    """A local time of the node, in UTC as the node keeps it."""
    return datetime.fromisoformat(text).astimezone().astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "opens"),
    [
        # 30 November 2026 is a Monday.
        (["20:00-06:00"], "2026-11-30T12:00", "2026-11-30T20:00"),
        (["20:00-06:00"], "2026-11-30T20:00", "2026-11-30T20:00"),
        (["20:00-06:00"], "2026-11-30T05:59", "2026-11-30T05:59"),
        (["20:00-06:00"], "2026-11-30T06:00", "2026-11-30T20:00"),
        (["sat,sun"], "2026-11-30T12:00", "2026-12-05T00:00"),
        (["mon-fri 18:00-24:00", "sat,sun"], "2026-12-05T03:00", "2026-12-05T03:00"),
        # What begins on Friday night lasts into Saturday.
        (["fri 22:00-04:00"], "2026-12-05T03:59", "2026-12-05T03:59"),
        (["fri 22:00-04:00"], "2026-12-05T04:00", "2026-12-11T22:00"),
        (["sun-tue 01:00-02:00"], "2026-12-02T12:00", "2026-12-06T01:00"),
        (["MON 08:00 - 09:00"], "2026-11-30T09:00", "2026-12-07T08:00"),
        # In the night in which clocks go forward, and the one after.
        (["03:30-04:00"], "2026-03-29T01:00", "2026-03-29T03:30"),
    ],
)
def test_when_the_next_one_begins(hours: list[str], now: str, opens: str) -> None:
    assert Hours.parse(hours).opens_at(at(now)) == at(opens)


def test_when_the_one_that_it_is_in_ends() -> None:
    night = Hours.parse(["22:00-06:00"])
    assert night.closes_at(at("2026-11-30T23:00")) == at("2026-12-01T06:00")
    assert night.closes_at(at("2026-11-30T12:00")) == at("2026-11-30T12:00")


@pytest.mark.parametrize(
    "item", ["", "8-9", "25:00-26:00", "24:30-25:00", "20:00-20:00", "mo 20:00-21:00", "night"]
)
def test_what_is_no_time_of_the_week_is_named(item: str) -> None:
    with pytest.raises(ValueError, match=r"hours|time"):
        Hours.parse([item])
    with pytest.raises(ValueError, match="1 to 20"):
        Hours.parse([])
