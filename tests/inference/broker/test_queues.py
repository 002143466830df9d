"""Which worker runs which pipeline, and how many at once."""

import time
import zlib
from pathlib import Path

import pytest
from kombu import Message, compression

from inference.broker.celery_config import GPU_QUEUE, JOBS_QUEUE, configuration
from inference.worker.due_work import WakeUps
from inference.worker.scheduler import Scheduler
from storage.core.clock import utcnow
from tests.inference.orchestration import receive, settings_in, storage_in, wait_for
from tests.inference.processes import children_of, workers_in
from tests.inference.small import mr_series


def test_wake_ups_go_to_the_workers_of_the_pipeline(tmp_path: Path) -> None:
    sent: dict[str, list[str]] = {}
    with storage_in(tmp_path, gpu_pipelines="bundle-*, brain-structures") as storage:
        for number, pipeline in enumerate(("bundle-x", "brain-structures", "lung-density")):
            storage.jobs.schedule(pipeline, "1", "2.25.1", "2.25.2", f"{number}" * 64)
        clock = Scheduler(
            storage,
            pipelines=[],
            wake=WakeUps(
                jobs=lambda jobs, queue: sent.setdefault(queue, []).extend(jobs),
                delivery=lambda: None,
            ),
        )
        clock.tick(utcnow())
        names = {
            queue: {storage.jobs.get(job_id).pipeline for job_id in ids}
            for queue, ids in sent.items()
        }
    assert names == {
        GPU_QUEUE: {"bundle-x", "brain-structures"},
        JOBS_QUEUE: {"lung-density"},
    }


def test_a_message_is_never_handed_out_twice_within_the_longest_job(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, broker_url="redis://x/0", job_deadline_s=40_000.0)
    options = configuration(settings)["broker_transport_options"]
    assert options["visibility_timeout"] >= 2 * 40_000


@pytest.mark.fault
@pytest.mark.slow
def test_a_worker_grows_while_jobs_wait(tmp_path: Path) -> None:
    with workers_in(tmp_path, worker_processes=2) as workers:
        workers.start("control", "jobs", "beat", hold=True)
        for name in ("a", "b"):
            receive(workers.storage, mr_series(name))
        wait_for(
            lambda: workers.storage.jobs.list(state="IN PROGRESS")[1] == 2,
            "two jobs at once",
        )
        workers.go.touch()
        wait_for(lambda: workers.storage.jobs.list(state="COMPLETED")[1] == 2, "the end of both")


@pytest.mark.fault
@pytest.mark.slow
def test_a_worker_of_the_gpu_stays_one_process_with_one_set_of_models(tmp_path: Path) -> None:
    """Whatever other workers may grow to; jobs of others are not held up by it."""
    with workers_in(tmp_path, worker_processes=3, gpu_pipelines="*") as workers:
        _, gpu, _ = workers.start("control", "gpu", "beat", hold=True)
        for name in ("a", "b", "c"):
            receive(workers.storage, mr_series(name))
        jobs = workers.storage.jobs
        wait_for(
            lambda: (jobs.list(state="IN PROGRESS")[1], jobs.list(state="SCHEDULED")[1]) == (1, 2),
            "one job at work, and two that wait",
        )
        (before,) = children_of(gpu.pid)
        # Another worker takes a second or two to grow.
        time.sleep(6.0)
        assert children_of(gpu.pid) == [before]
        assert jobs.list(state="IN PROGRESS")[1] == 1
        workers.go.touch()
        wait_for(lambda: jobs.list(state="COMPLETED")[1] == 3, "the end of all three")
        assert children_of(gpu.pid) == [before]


@pytest.mark.parametrize("content_type", sorted(compression.encoders()))
def test_a_compressed_message_is_not_inflated(content_type: str, tmp_path: Path) -> None:
    configuration(settings_in(tmp_path))
    body = zlib.compress(b" " * 1_000_000)
    message = Message(body, headers={"compression": content_type}, accept=["json"])
    assert message.body == body
    assert message.errors
