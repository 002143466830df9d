"""The urgent job first, and a job that a person cancels ends at whatever stage it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.settings import Destination
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import BrightRegion

PIPELINE = BrightRegion()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    with storage_in(tmp_path, destinations=(destination,)) as storage:
        yield storage


def scheduled(storage: Storage, name: str) -> str:
    (decision,) = schedule_series(storage, complete_series(storage, name), (PIPELINE,))
    assert decision.job_id
    return decision.job_id


@pytest.mark.slow
def test_a_stat_job_that_comes_last_is_taken_first(storage: Storage) -> None:
    waiting = [scheduled(storage, name) for name in "abcd"]
    urgent = scheduled(storage, "urgent")
    assert storage.jobs.set_priority(urgent, 100, utcnow())
    done = []
    while due := storage.jobs.due(utcnow(), 1):
        run_job(storage, due[0].job_id, "worker", pipelines=(PIPELINE,))
        done.append(due[0].job_id)
    assert done == [urgent, *waiting]


@pytest.mark.parametrize("stage", ["loading", "assembling", "running", "encoding", "storing"])
def test_a_job_cancelled_at_any_stage_leaves_nothing(storage: Storage, stage: str) -> None:
    job_id = scheduled(storage, "a")
    seen: list[str] = []

    def cancel_at_stage() -> bool:
        job = storage.jobs.get(job_id)
        if job.stage == stage and not seen:
            seen.append(stage)
            assert storage.jobs.cancel(job_id, "Cancelled by a person.", utcnow())
        return False

    run_job(storage, job_id, "worker", pipelines=(PIPELINE,), stopping=cancel_at_stage)
    job = storage.jobs.get(job_id)
    assert seen == [stage]
    assert (job.state, job.reason) == ("CANCELED", "Cancelled by a person.")
    assert len(storage.index.series_of(job.study_instance_uid)) == 1
    assert storage.findings.of_job(job_id) == []
    assert storage.deliveries.of_study(job.study_instance_uid) == []
