"""Models in the shadow: they run last, are compared, and leave nothing but numbers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from inference.model_registry import transitions as deciding
from inference.model_registry import verification as proving
from inference.model_registry.status import standings
from inference.models.card import ModelCard
from inference.pipeline import Pipeline
from inference.scheduling.schedule import schedule_series
from inference.scheduling.shadow_agreement import summarised
from inference.scheduling.shadow_running import run_due_shadow
from inference.worker.run import run_job
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.outbox.leases import LEASE_S
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import BrightRegion

ACTIVE = BrightRegion(name="bright", version="1", card=ModelCard("b", "1", "MIT", "t", "T.", "MR"))
SHADOW = BrightRegion(name="bright", version="2", card=ModelCard("b", "2", "MIT", "t", "T.", "MR"))


class Broken(BrightRegion):
    def run(self, context: object) -> object:  # type: ignore[override]
        raise ValueError("a value of the data set")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    proving._proven.clear()
    with storage_in(tmp_path) as storage:
        (standing,) = standings(storage.settings, storage.model_states, [SHADOW])
        deciding.shadow(storage.model_states, storage.shadow_runs, standing, "petra")
        yield storage


def scheduled(storage: Storage, pipelines: list[Pipeline], name: str = "s") -> str:
    decisions = schedule_series(storage, complete_series(storage, name), pipelines)
    assert [one.pipeline_version for one in decisions] == ["1"]
    return decisions[0].job_id or ""


def rows(storage: Storage) -> dict[str, int]:
    with reading(storage.engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (t.job, t.finding, t.delivery, t.instance, t.report, t.event, t.decision)
        }


def test_a_shadow_is_compared_and_leaves_nothing_else(storage: Storage) -> None:
    pipelines: list[Pipeline] = [ACTIVE, SHADOW]
    job_id = scheduled(storage, pipelines)
    assert run_due_shadow(storage, pipelines) is None  # the active one has not run yet
    assert run_job(storage, job_id, "w", pipelines=pipelines) is not None
    before = rows(storage)
    with writing(storage.engine) as connection:
        connection.execute(t.shadow_run.update().values(not_before=t.shadow_run.c.created_at))
    assert run_due_shadow(storage, pipelines) is not None
    assert rows(storage) == before
    (run,) = storage.shadow_runs.of_model("b", "2")
    assert (run.state, run.reason) == ("DONE", "")
    assert run.agreement["active_version"] == "1"
    assert run.agreement["segments"] == {"Bright": 1.0}
    both = run.agreement["measurements"]["Bright volume"]
    assert both["active"] == pytest.approx(both["shadow"])
    found = summarised([run])
    assert (found.compared, found.segments[0].mean_dice) == (1, 1.0)
    assert found.measurements[0].mean_difference == pytest.approx(0.0, abs=1e-9)


def test_the_same_content_is_run_once(storage: Storage) -> None:
    pipelines: list[Pipeline] = [ACTIVE, SHADOW]
    scheduled(storage, pipelines)
    scheduled(storage, pipelines)
    assert len(storage.shadow_runs.of_model("b", "2")) == 1


def test_a_shadow_without_an_active_version_runs_alone(storage: Storage) -> None:
    decisions = schedule_series(storage, complete_series(storage, "alone"), [SHADOW])
    assert [one.accepted for one in decisions] == [False]
    assert "runs only as a shadow" in decisions[0].reason
    assert run_due_shadow(storage, [SHADOW]) is not None
    (run,) = storage.shadow_runs.of_model("b", "2")
    assert run.agreement["segments"] == {}
    assert run.agreement["measurements"]["Bright volume"]["active"] is None


def test_a_shadow_that_fails_says_why_and_disturbs_nobody(storage: Storage) -> None:
    broken = Broken(name="bright", version="2", card=SHADOW.card)
    schedule_series(storage, complete_series(storage, "broken"), [broken])
    run_due_shadow(storage, [broken])
    (run,) = storage.shadow_runs.of_model("b", "2")
    assert run.state == "FAILED"
    assert run.reason.startswith("An unexpected ValueError at test_shadow.py")
    assert "data set" not in run.reason


def test_a_shadow_gives_way_to_work_that_somebody_waits_for(
    storage: Storage, tmp_path: Path
) -> None:
    held = replace(SHADOW, hold=tmp_path / "never")
    schedule_series(storage, complete_series(storage, "one"), [held])
    storage.jobs.schedule("bright", "1", "2.25.1", "2.25.2", "f" * 64)
    run_due_shadow(storage, [held])  # would wait for ever
    (run,) = storage.shadow_runs.of_model("b", "2")
    assert (run.state, run.attempts) == ("WAITING", 1)


def test_what_waits_goes_with_the_shadow(storage: Storage) -> None:
    schedule_series(storage, complete_series(storage, "one"), [SHADOW])
    (standing,) = standings(storage.settings, storage.model_states, [SHADOW])
    deciding.activate(storage.model_states, storage.shadow_runs, standing, "petra")
    assert storage.shadow_runs.of_model("b", "2") == []


def test_a_run_whose_workers_are_killed_is_taken_over_and_given_up(storage: Storage) -> None:
    schedule_series(storage, complete_series(storage, "killed"), [SHADOW])
    now = utcnow()
    most = storage.settings.shadow_max_attempts
    for number in range(most):
        # Claims, and dies: no renewal, no end.
        (run,) = storage.shadow_runs.due(now)
        assert storage.shadow_runs.claim(run, f"worker-{number}", LEASE_S, now)
        assert storage.shadow_runs.due(now + timedelta(seconds=LEASE_S - 1)) == []
        now += timedelta(seconds=LEASE_S)
    with writing(storage.engine) as connection:
        connection.execute(t.shadow_run.update().values(not_before=utcnow()))
    assert run_due_shadow(storage, [SHADOW]) is not None
    (run,) = storage.shadow_runs.of_model("b", "2")
    assert (run.state, run.reason) == ("FAILED", f"The worker ended during the run {most} times.")
