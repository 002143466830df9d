"""Dates and times as requests may write them."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from api.times import Day, Moment, TimeOfDay
from tests.api.client import ApiNode, is_problem

HERE = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (Day, "2026-01-31", date(2026, 1, 31)),
        (Day, "20260131", date(2026, 1, 31)),
        (TimeOfDay, "08:30:00", time(8, 30)),
        (TimeOfDay, "083000", time(8, 30)),
        (TimeOfDay, "0830", time(8, 30)),
        (Moment, "2026-01-31T08:30:00Z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        (Moment, "2026-01-31T08:30:00+01:00", datetime(2026, 1, 31, 8, 30, tzinfo=HERE)),
        # A plus sign that somebody did not escape.
        (Moment, "2026-01-31T08:30:00 01:00", datetime(2026, 1, 31, 8, 30, tzinfo=HERE)),
    ],
)
def test_a_time_is_read_as_it_was_meant(kind: Any, written: str, meant: object) -> None:
    assert TypeAdapter(kind).validate_python(written) == meant


@pytest.mark.parametrize("written", ["20260199", "17280000", 20260131, "31.01.2026", ""])
def test_what_is_no_date_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="2026-01-31"):
        TypeAdapter(Day).validate_python(written)


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_that_utc_has_no_year_for_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999 in UTC"):
        TypeAdapter(Moment).validate_python(written)


def test_a_number_is_no_time(reading_api: ApiNode) -> None:
    """It would be read as seconds since 1970, and everything had changed since then."""
    for query in ("jobs?updated_since=20260131", "studies?received_from=1767225600"):
        refused = reading_api.client.get(f"/api/v1/{query}")
        is_problem(refused, 422, "validation_failed")
        assert "2026-01-31T14:30:00Z" in refused.text
    assert reading_api.client.get("/api/v1/studies?study_date_from=20260131").status_code == 200
