"""The time of day is set while the node works: nothing stops for it, and nothing is done twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inference.worker.due_work import WakeUps
from inference.worker.scheduler import Scheduler
from storage.container import Storage
from storage.core.clock import ClockWatch, utcnow
from storage.core.entities import Job
from storage.core.errors import StorageUnavailable
from storage.db.clock_steps import last_step, move_waits
from storage.processes.heartbeats import HANDLED
from storage.settings import Destination
from tests.clocks import settable_clock
from tests.inference.orchestration import complete_series, receive, storage_in, wait_for
from tests.inference.processes import Role, Workers, workers_in
from tests.inference.small import mr_series, study_uid

HOUR, DAY = 3600, 86_400


def wait_for_result(workers: Workers, name: str) -> Job:
    def completed() -> list[Job]:
        jobs = workers.storage.jobs.list(study_uid(name))[0]
        return [job for job in jobs if job.state == "COMPLETED"]

    found: list[Job] = wait_for(completed, f"the result of {name}")
    return found[0]


def start_all(workers: Workers) -> None:
    """Now and then a pool forks its child while libfaketime holds a lock in another thread; the
    child waits for that lock for ever, before it lives."""
    roles: tuple[Role, ...] = ("control", "jobs", "beat")
    try:
        workers.start(*roles)
    except AssertionError:
        for process in workers.running:
            if process.poll() is None:
                workers.kill_all_of(process)
        workers.start(*roles)


# Under libfaketime each process starts from nothing: thirty seconds of CPU. What is done about a
# step follows below, without it.
@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(400)
@pytest.mark.parametrize("steps", [(-HOUR, DAY), (-HOUR, 0, DAY, -DAY)])
def test_work_goes_on_whatever_the_clock_is_set_to(tmp_path: Path, steps: tuple[int, ...]) -> None:
    clock = settable_clock(tmp_path)
    with workers_in(tmp_path) as workers:
        workers.environment.update(clock.environment)
        start_all(workers)
        receive(workers.storage, mr_series("before"))
        assert wait_for_result(workers, "before").attempts == 1
        for offset_s in steps:
            receive(workers.storage, mr_series(str(offset_s)))
            clock.set_by(offset_s)
            handled = workers.storage.heartbeats.last(HANDLED)
            wait_for_result(workers, str(offset_s))
            wait_for(
                lambda handled=handled: workers.storage.heartbeats.last(HANDLED) != handled,
                "a tick that was handled",
            )
        wait_for(
            lambda: workers.log("control").count("clock_set ") >= len(steps),
            "that each step was noticed",
        )
        assert workers.log("control").count("clock_set ") == len(steps)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    with storage_in(tmp_path, destinations=(destination,)) as storage:
        yield storage


def failed_delivery(storage: Storage, retry_after_s: float) -> None:
    """One whose next attempt comes so much later."""
    series = complete_series(storage, "a")
    instances = storage.index.instances_of(series.study_instance_uid)
    storage.deliveries.enqueue("pacs", instances, None)
    claimed = storage.deliveries.claim_due("sender", 60, utcnow(), 100)
    at = utcnow() + timedelta(seconds=retry_after_s)
    storage.deliveries.retry_later([one.delivery_id for one in claimed], "sender", "refused", at)


def scheduler_of(storage: Storage) -> Scheduler:
    return Scheduler(
        storage, pipelines=(), wake=WakeUps(jobs=lambda *_: None, delivery=lambda: None)
    )


def test_a_retry_comes_when_it_would_have_although_the_clock_was_set_back(
    storage: Storage,
) -> None:
    failed_delivery(storage, HOUR + 20)
    now = utcnow()
    assert storage.deliveries.due_count(now + timedelta(seconds=HOUR)) == 0
    assert move_waits(storage.engine, timedelta(hours=1), now) == storage.deliveries.due_count(
        now + timedelta(seconds=21)
    )
    assert storage.deliveries.due_count(now + timedelta(seconds=10)) == 0
    assert storage.deliveries.due_count(now + timedelta(seconds=21)) > 0


def test_a_worker_that_starts_after_the_clock_was_set_back_notices_it(storage: Storage) -> None:
    failed_delivery(storage, HOUR + 1)
    storage.heartbeats.beat(HANDLED, utcnow() + timedelta(hours=1))
    assert scheduler_of(storage).tick(utcnow())
    assert storage.deliveries.due_count(utcnow() + timedelta(seconds=2)) > 0
    last = storage.heartbeats.last(HANDLED)
    assert last is not None
    assert abs(utcnow() - last) < timedelta(seconds=30)
    step = last_step(storage.engine)
    assert step is not None
    assert abs(step.by + timedelta(hours=1)) < timedelta(minutes=1)


def test_a_clock_that_was_set_while_the_database_was_away_is_followed_when_it_is_back(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_delivery(storage, HOUR + 1)
    storage.heartbeats.beat(HANDLED, utcnow() + timedelta(hours=1))
    rounds = scheduler_of(storage)
    with monkeypatch.context() as away:
        away.setattr("inference.worker.scheduler.move_waits", unavailable)
        assert rounds.tick(utcnow())
    assert storage.deliveries.due_count(utcnow() + timedelta(seconds=2)) == 0
    assert rounds.tick(utcnow())
    assert storage.deliveries.due_count(utcnow() + timedelta(seconds=2)) > 0


def unavailable(*_: object) -> int:
    raise StorageUnavailable("The database cannot be reached or does not answer.")


def test_a_step_is_told_from_reading_two_clocks_and_from_a_slow_one() -> None:
    watch, noon = ClockWatch(), utcnow()
    assert not watch.step(noon, 100.0)
    assert not watch.step(noon + timedelta(seconds=4), 105.0), "slower by a second"
    tomorrow = noon + timedelta(days=1)
    assert watch.step(tomorrow, 105.0) == timedelta(days=1) - timedelta(seconds=4)
    assert watch.step(noon + timedelta(seconds=2), 107.0) == -timedelta(days=1)
    assert not watch.step(noon + timedelta(seconds=3), 108.0)
