"""Celery workers as real processes, over files and over Redis, and what kills them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from inference.broker.celery_config import CONTROL_QUEUE, JOBS_QUEUE, backlog
from inference.broker.notify import wake
from inference.model_registry.adding import add_model
from inference.worker.app import celery_app
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests.inference.orchestration import complete_series, receive, settings_in, wait_for
from tests.inference.plain_models import onnx_model
from tests.inference.processes import ROLES, Workers, children_of, workers_in
from tests.inference.small import PATIENT_NAME, mr_series, mr_slice, study_uid
from tests.servers import redis_server
from tests.services import free_port, orthanc, tool


def jobs(workers: Workers, name: str = "a") -> list[Job]:
    return workers.storage.jobs.list(study_uid(name))[0]


def wait_for_end(workers: Workers, name: str = "a") -> Job:
    def ended() -> list[Job]:
        return [job for job in jobs(workers, name) if job.state in ("COMPLETED", "CANCELED")]

    found: list[Job] = wait_for(ended, "the end of the job")
    return found[0]


def wait_for_holding(workers: Workers, attempts: int = 1) -> Job:
    def holding() -> list[Job]:
        return [job for job in jobs(workers) if job.stage == "holding" and job.attempts == attempts]

    found: list[Job] = wait_for(holding, "the middle of the model")
    return found[0]


def runs(workers: Workers) -> int:
    return len(workers.runs.read_text().splitlines())


@pytest.fixture(params=["files", pytest.param("redis", marks=pytest.mark.slow)])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "files":
        yield ""
        return
    tool("redis-server", "redis-server")
    with redis_server() as url:
        yield url


@pytest.mark.fault
def test_received_images_come_back_as_results_at_the_pacs(tmp_path: Path, broker_url: str) -> None:
    with orthanc(tmp_path) as pacs:
        destination = f"pacs={pacs.ae_title}@{pacs.host}:{pacs.port}"
        with workers_in(
            tmp_path, broker_url=broker_url, destinations=destination, report_delivery="off"
        ) as workers:
            workers.start("control", "jobs", "beat")
            receive(workers.storage, mr_series("a"))
            job = wait_for_end(workers)
            assert (job.state, job.attempts) == ("COMPLETED", 1)
            pacs.wait_for_instances(2)
            deliveries = workers.storage.deliveries
            wait_for(
                lambda: {one.state for one in deliveries.of_study(study_uid("a"))} == {"CONFIRMED"},
                "the proof of delivery",
            )
            # Sent again, and one slice more: the first is known, the second revises.
            receive(workers.storage, mr_series("a"))
            time.sleep(1.5)
            assert len(jobs(workers)) == 1
            receive(workers.storage, [mr_slice("a", 9)])
            pacs.wait_for_instances(4)
            assert [one.state for one in jobs(workers)] == ["COMPLETED", "COMPLETED"]
            assert runs(workers) == 2
            for role in ROLES:
                log = workers.log(role)
                assert PATIENT_NAME.split("^")[0] not in log
                assert "Traceback" not in log


@pytest.mark.fault
def test_whatever_dies_in_mid_job_the_next_worker_finishes_it_once(tmp_path: Path) -> None:
    with workers_in(tmp_path, job_max_attempts=5) as workers:
        worker, *_ = workers.start("jobs", "control", "beat", hold=True)
        receive(workers.storage, mr_series("a"))
        wait_for_holding(workers, attempts=1)
        # Native code that crashes takes only the child with it.
        (child,) = children_of(worker.pid)
        os.kill(child, signal.SIGSEGV)
        wait_for_holding(workers, attempts=2)
        assert worker.poll() is None
        # kill -9 of the worker alone: the kernel takes the child, which works on for nobody.
        (child,) = children_of(worker.pid)
        worker.kill()
        worker.wait()
        wait_for(lambda: not Path(f"/proc/{child}").exists(), "the end of the child")
        # kill -9 of both at once, as when memory runs out.
        (worker,) = workers.start("jobs", hold=True)
        wait_for_holding(workers, attempts=3)
        workers.kill_all_of(worker)
        workers.go.touch()
        workers.start("jobs")
        job = wait_for_end(workers)
        assert (job.state, job.attempts, runs(workers)) == ("COMPLETED", 4, 4)
        series = workers.storage.index.series_of(study_uid("a"))
        assert sorted(one.modality for one in series) == ["MR", "SEG", "SR"]
        assert sum(one.instance_count for one in series if one.origin == "generated") == 2
        assert len(workers.storage.findings.of_job(job.job_id)) == 1


@pytest.mark.fault
@pytest.mark.slow
def test_a_stopped_worker_gives_its_job_back_and_ends_soon(tmp_path: Path) -> None:
    with workers_in(tmp_path, job_lease_s=60.0) as workers:
        worker, *_ = workers.start("jobs", "control", "beat", hold=True)
        receive(workers.storage, mr_series("a"))
        wait_for_holding(workers)
        started = time.monotonic()
        assert workers.stop(worker) == 0
        assert time.monotonic() - started < 12
        (job,) = jobs(workers)
        assert (job.state, job.attempts) == ("SCHEDULED", 0)
        workers.go.touch()
        workers.start("jobs")
        # Long before the lease of a minute would have passed.
        assert wait_for_end(workers).state == "COMPLETED"


@pytest.mark.fault
def test_a_job_that_a_person_cancels_ends_in_the_worker_and_frees_it(
    tmp_path: Path, broker_url: str
) -> None:
    with workers_in(tmp_path, broker_url=broker_url) as workers:
        workers.start("jobs", "control", "beat", hold=True)
        receive(workers.storage, mr_series("a"))
        held = wait_for_holding(workers)
        receive(workers.storage, mr_series("b"))
        wait_for(lambda: jobs(workers, "b"), "the job behind it")
        assert workers.storage.jobs.cancel(held.job_id, "Not needed any more.", utcnow())
        # The next one begins, although the first would have waited for ever.
        wait_for(lambda: jobs(workers, "b")[0].stage == "holding", "the next job")
        workers.go.touch()
        assert wait_for_end(workers, "b").state == "COMPLETED"
        (canceled,) = jobs(workers)
        assert (canceled.state, canceled.reason) == ("CANCELED", "Not needed any more.")
        assert (canceled.attempts, runs(workers)) == (1, 2)
        series = workers.storage.index.series_of(study_uid("a"))
        assert [one.modality for one in series] == ["MR"]
        assert not workers.storage.findings.of_job(held.job_id)
        assert "Traceback" not in workers.log("jobs")


@pytest.mark.fault
@pytest.mark.slow
def test_a_broker_that_goes_away_and_forgets_everything_only_delays(tmp_path: Path) -> None:
    port = free_port()
    with workers_in(tmp_path, broker_url=f"redis://127.0.0.1:{port}/0") as workers:
        with redis_on(port):
            workers.start("control", "beat")
            receive(workers.storage, mr_series("a"))
            client = redis.Redis(port=port)
            wait_for(lambda: client.llen(JOBS_QUEUE), "the job's message")
            client.close()
        # It kept nothing on disk. Images go on coming while it is down.
        receive(workers.storage, mr_series("b"))
        time.sleep(1)
        with redis_on(port):
            workers.start("jobs")
            assert wait_for_end(workers, "a").state == "COMPLETED"
            assert wait_for_end(workers, "b").state == "COMPLETED"


@contextmanager
def redis_on(port: int) -> Iterator[None]:
    program = tool("redis-server", "redis-server")
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.fault
@pytest.mark.slow
def test_ticks_do_not_pile_up_where_nobody_takes_them(tmp_path: Path) -> None:
    with workers_in(tmp_path, tick_s=0.02) as workers:
        workers.start("beat")
        app = celery_app(workers.storage.settings)
        wait_for(lambda: backlog(app, CONTROL_QUEUE) >= 30, "a full queue")
        time.sleep(1)
        assert backlog(app, CONTROL_QUEUE) <= 31
        # The clock itself goes on and says so.
        assert "nobody_takes_ticks" in workers.log("beat")
        receive(workers.storage, mr_series("a"))
        workers.start("control", "jobs")
        assert wait_for_end(workers).state == "COMPLETED"


@pytest.mark.slow
def test_wake_brings_a_tick_without_the_clock(tmp_path: Path) -> None:
    with workers_in(tmp_path) as workers:
        workers.start("control", "jobs")
        receive(workers.storage, mr_series("a"))
        time.sleep(0.6)  # quiet enough
        wake(workers.storage.settings)
        assert wait_for_end(workers).state == "COMPLETED"


def test_wake_neither_raises_nor_waits_for_a_broker_that_is_down(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    wake(settings)
    assert time.monotonic() - started < 15


def test_many_wakes_are_one(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for _ in range(100):
        wake(settings)
    assert backlog(celery_app(settings), CONTROL_QUEUE) <= 3


@pytest.mark.slow
def test_a_trial_runs_in_a_worker_that_has_no_job_to_do(tmp_path: Path) -> None:
    with workers_in(tmp_path) as workers:
        storage = workers.storage
        model = onnx_model(tmp_path / "plain")
        add_model(
            storage.settings, storage.model_states, storage.shadow_runs, model, "p", hold=True
        )
        study = complete_series(storage, "head", 40).study_instance_uid
        trial = storage.model_trials.ask(
            ("plain-spleen", "1.2"), "model-plain-spleen", study, "p", utcnow()
        )
        workers.start("control", "jobs", "beat")
        trials = storage.model_trials

        def ended() -> bool:
            return trials.get(trial.trial_id, utcnow()).state in ("done", "failed")

        wait_for(ended, "the end of the trial", 120.0)
        assert trials.get(trial.trial_id, utcnow()).problem is None
        (series,) = trials.series(trial.trial_id)
        assert series["findings"][0].startswith("Spleen volume: ")
        assert series["picture"]
