"""A job is the work of one worker at a time, for as long as that worker works on it."""

import threading
from pathlib import Path

from storage.core.clock import utcnow
from tests.inference.orchestration import storage_in, wait_for
from tests.inference.small import BrightRegion
from tests.inference.worker.one_job import run, scheduled


def test_only_one_worker_gets_the_job(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    pipeline = BrightRegion(runs=runs)
    with storage_in(tmp_path) as storage:
        job = scheduled(storage, pipeline)
        threads = [
            threading.Thread(target=run, args=(storage, job, pipeline, f"worker-{number}"))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert runs.read_text().splitlines() == ["run"]
        assert storage.jobs.get(job.job_id).attempts == 1


def test_a_long_model_keeps_its_lease(tmp_path: Path) -> None:
    go = tmp_path / "go"
    pipeline = BrightRegion(hold=go)
    with storage_in(tmp_path, job_lease_s=2.0) as storage:
        job = scheduled(storage, pipeline)
        thread = threading.Thread(target=run, args=(storage, job, pipeline))
        thread.start()
        wait_for(lambda: storage.jobs.get(job.job_id).stage == "holding", "the model's start")
        threading.Event().wait(4.5)  # more than two leases
        assert storage.jobs.due(utcnow(), 10) == []
        go.touch()
        thread.join()
        assert storage.jobs.get(job.job_id).state == "COMPLETED"
