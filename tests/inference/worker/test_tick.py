"""One round of the clock: what is due is handed out, once, and again when nobody took it."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from inference.scheduling.schedule import schedule_series
from inference.worker.due_work import JOBS_PER_ROUND, WakeUps
from inference.worker.scheduler import Scheduler
from storage.container import Storage
from storage.core.clock import utcnow
from storage.settings import Destination
from tests.inference.orchestration import complete_series, receive, storage_in
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.patience import PATIENCE_S


@dataclass
class Broker:
    """Notes what it is asked to carry."""

    jobs: list[str] = field(default_factory=list)
    deliveries: int = 0
    down: bool = False

    def send_jobs(self, job_ids: Sequence[str], queue: str) -> None:
        if self.down:
            raise ConnectionError("no broker")
        self.jobs.extend(job_ids)

    def send_delivery(self) -> None:
        self.deliveries += 1


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    with storage_in(tmp_path, destinations=(destination,)) as storage:
        yield storage


def scheduler_of(storage: Storage, broker: Broker) -> Scheduler:
    return Scheduler(
        storage,
        pipelines=(BrightRegion(),),
        wake=WakeUps(jobs=broker.send_jobs, delivery=broker.send_delivery),
    )


def test_a_round_completes_schedules_and_hands_out(storage: Storage) -> None:
    broker = Broker()
    receive(storage, mr_series("a"))
    assert scheduler_of(storage, broker).tick(utcnow() + timedelta(seconds=10))
    assert broker.jobs == [job.job_id for job in storage.jobs.list(study_uid("a"))[0]]
    assert broker.deliveries == 0


def test_a_job_is_handed_out_again_only_when_nobody_took_it(storage: Storage) -> None:
    broker = Broker()
    complete_series(storage, "a")
    clock = scheduler_of(storage, broker)
    now = utcnow()
    for second in range(5):
        clock.tick(now + timedelta(seconds=second))
    assert len(broker.jobs) == 1
    clock.tick(now + timedelta(seconds=6))
    assert len(broker.jobs) == 2


def test_a_job_that_is_given_back_is_handed_out_at_once(storage: Storage) -> None:
    broker = Broker()
    complete_series(storage, "a")
    clock = scheduler_of(storage, broker)
    now = utcnow()
    clock.tick(now)
    (job_id,) = broker.jobs
    storage.jobs.claim(job_id, "worker", 20, now + timedelta(seconds=1))
    clock.tick(now + timedelta(seconds=1))
    assert broker.jobs == [job_id]
    given_back = now + timedelta(seconds=2)
    storage.jobs.fail(job_id, "worker", "The worker was stopped.", given_back, retry=True)
    clock.tick(given_back)
    assert broker.jobs == [job_id, job_id]


def test_a_round_hands_out_so_many_that_an_urgent_job_is_not_far_behind(storage: Storage) -> None:
    broker = Broker()
    for number in range(JOBS_PER_ROUND + 10):
        storage.jobs.schedule("bright-region", "1.0.0", "1.2", "1.2.3", f"{number:064}")
    clock = scheduler_of(storage, broker)
    clock.tick(utcnow())
    assert len(broker.jobs) == JOBS_PER_ROUND
    urgent, _ = storage.jobs.schedule("bright-region", "1.0.0", "1.2", "1.2.3", "f", priority=9)
    clock.tick(utcnow())
    assert broker.jobs[JOBS_PER_ROUND:] == [urgent.job_id]


def test_deliveries_go_on_where_the_jobs_broker_fails(storage: Storage) -> None:
    broker = Broker(down=True)
    series = complete_series(storage, "a")
    schedule_series(storage, series, (BrightRegion(),))
    instances = storage.index.instances_of(series.study_instance_uid)
    storage.deliveries.enqueue("pacs", instances, None)
    clock = scheduler_of(storage, broker)
    assert clock.tick(utcnow())
    assert broker.deliveries == 1
    broker.down = False
    clock.tick(utcnow())
    assert len(broker.jobs) == 1


def test_rounds_do_not_overlap(storage: Storage) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(Broker):
        def send_jobs(self, job_ids: Sequence[str], queue: str) -> None:
            entered.set()
            leave.wait(PATIENCE_S)

    complete_series(storage, "a")
    clock = scheduler_of(storage, Slow())
    now: datetime = utcnow()
    first = threading.Thread(target=clock.tick, args=(now,))
    first.start()
    entered.wait(PATIENCE_S)
    assert not clock.tick(now)
    leave.set()
    first.join()
    assert clock.tick(now)


def test_owners_of_webhooks_are_not_looked_at_each_second(storage: Storage) -> None:
    """Keys alone expire by themselves; all others pause their webhooks as they end."""
    clock = scheduler_of(storage, Broker())
    statements: list[str] = []
    event.listen(
        storage.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    for second in range(3):
        clock.tick(utcnow() + timedelta(seconds=second))
    assert sum("DISTINCT webhook.created_by_id" in one for one in statements) == 1
