"""Retrospective runs stay as long as other records of work do."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from storage import tables as t
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import reading
from storage.maintenance.expiry import remove_expired
from storage.settings import Settings


def test_runs_that_ended_long_ago_go_with_their_studies(storage_settings: Settings) -> None:
    now = utcnow()
    with open_storage(
        storage_settings.model_copy(update={"workitem_retention_s": 86_400})
    ) as storage:
        runs = storage.retrospective_runs
        ended, recent, running = (
            runs.start(
                "bright-region", {}, ["1.2.3", "1.2.4"],
                at_once=1, priority=5, sends_results=False, started_by="ada", now=now,
            ).run_id
            for _ in range(3)
        )  # fmt: skip
        runs.change_state(ended, ("RUNNING",), "CANCELLED", now - timedelta(days=2))
        runs.change_state(recent, ("RUNNING",), "CANCELLED", now - timedelta(hours=2))
        remove_expired(storage, now)
        with pytest.raises(NotFound):
            runs.get(ended)
        with reading(storage.engine) as connection:
            left = connection.scalar(select(func.count()).select_from(t.retrospective_study))
        assert left == 4
        # What runs stays, however long it takes.
        remove_expired(storage, now + timedelta(days=400))
        assert runs.get(running).state == "RUNNING"
        with pytest.raises(NotFound):
            runs.get(recent)
