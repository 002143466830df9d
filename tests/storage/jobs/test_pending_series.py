"""What the clock asks for each second reads what is new, and not all that was ever received."""

from datetime import UTC, datetime

from storage.container import Storage
from storage.jobs.pending_series import undecided
from tests.storage.plans import plan_of, plan_of_first

YESTERDAY = datetime(2026, 11, 30, 4, 30, tzinfo=UTC)


def test_an_index_finds_the_series_of_the_last_day(storage: Storage) -> None:
    of_others = (("1.2.3", "1.2.3.1"),)
    for but_not in ((), of_others):
        plan = plan_of(storage.engine, undecided(1000, YESTERDAY, but_not))
        is_sqlite = storage.engine.dialect.name == "sqlite"
        found = (
            "ix_series_state_last_instance_at (state=? AND last_instance_at>?)"
            if is_sqlite
            else "AND (last_instance_at >= '2026-11-30 04:30:00+00'"
        )
        assert found in plan, plan
        assert "SCAN series" not in plan.replace("SCAN series_try", ""), plan


def test_an_index_finds_the_series_of_the_last_day_whose_jobs_may_be_outdated(
    storage: Storage,
) -> None:
    plan = plan_of_first(storage.engine, lambda: storage.withdrawals.outdated(10, YESTERDAY))
    is_sqlite = storage.engine.dialect.name == "sqlite"
    if is_sqlite:
        assert "ix_series_state_last_instance_at (state=? AND last_instance_at>?)" in plan, plan
    else:
        assert "= ANY (" in plan, plan
        assert "AND (last_instance_at >= " in plan, plan
