"""A job that fails, is cut off or comes too late, and what it leaves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from inference.pipeline import PipelineContext, PipelineOutput
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StorageFull
from storage.jobs.repository import Jobs
from storage.settings import Destination
from tests.inference.orchestration import later, storage_in
from tests.inference.small import PATIENT_NAME, BrightRegion
from tests.inference.worker.one_job import run, scheduled


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    # Longer than a machine stalls; what is cancelled is noticed within a third of it.
    with storage_in(tmp_path, job_lease_s=6.0, destinations=(destination,)) as storage:
        yield storage


@dataclass(frozen=True)
class Failing(BrightRegion):
    error: Exception | None = None

    def run(self, context: PipelineContext) -> PipelineOutput:
        raise self.error or AssertionError("a failing pipeline needs its error")


def test_a_defect_ends_the_job_at_once_and_quotes_no_patient(storage: Storage) -> None:
    pipeline = Failing(error=ValueError(f"no brain in {PATIENT_NAME}"))
    job = run(storage, scheduled(storage, pipeline), pipeline)
    assert (job.state, job.attempts) == ("CANCELED", 1)
    assert job.reason.startswith(f"An unexpected ValueError at {Path(__file__).name}:")
    assert PATIENT_NAME not in job.reason


def test_out_of_memory_is_tried_again_and_then_told(storage: Storage) -> None:
    pipeline = Failing(error=RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    job = run(storage, scheduled(storage, pipeline), pipeline)
    assert (job.state, job.reason) == ("SCHEDULED", "The machine ran out of memory.")
    assert storage.jobs.due(utcnow(), 10) == []  # put off
    for _ in range(2):
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE job SET lease_expires_at = NULL")
        job = run(storage, job, pipeline)
    assert (job.state, job.attempts) == ("CANCELED", 3)
    assert job.reason == "Tried 3 times. The machine ran out of memory."


def test_a_full_disk_is_waited_for_without_end(storage: Storage) -> None:
    pipeline = Failing(error=StorageFull("The disk is full.", remedy="Free some."))
    job = scheduled(storage, pipeline)
    for _ in range(5):
        job = run(storage, job, pipeline)
        assert (job.state, job.attempts) == ("SCHEDULED", 0)
        assert job.reason == "The disk is full. Free some."
        assert storage.jobs.due(utcnow(), 10) == []
        assert storage.jobs.due(later(60), 10) != []
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE job SET lease_expires_at = NULL")
    job = run(storage, job, BrightRegion())
    assert job.state == "COMPLETED"


def test_a_job_that_kills_its_worker_each_time_ends_with_that_reason(storage: Storage) -> None:
    pipeline = BrightRegion()
    job = scheduled(storage, pipeline)
    for number in range(3):  # three workers claim it, and end without a word
        claimed = storage.jobs.claim(job.job_id, f"dead-{number}", 0.0, utcnow())
        assert claimed is not None
        storage.jobs.progress(job.job_id, f"dead-{number}", "running", 0.3, utcnow())
    job = run(storage, job, pipeline)
    assert job.state == "CANCELED"
    assert "ended without a word 3 times over this job, the last time while running" in job.reason


def test_a_pipeline_that_is_gone_is_named(storage: Storage) -> None:
    job = scheduled(storage, BrightRegion())
    run_job(storage, job.job_id, "worker-1", pipelines=(BrightRegion(version="2.0.0"),))
    job = storage.jobs.get(job.job_id)
    assert (job.state, "bright-region 1.0.0 is not installed" in job.reason) == ("CANCELED", True)


class Killed(BaseException):
    """The worker's process ended within a call."""


@dataclass(frozen=True)
class TwiceAsBright(BrightRegion):
    """The same pipeline, whose numbers came out otherwise."""

    def run(self, context: PipelineContext) -> PipelineOutput:
        output = super().run(context)
        (measured,) = output.measurements
        return replace(output, measurements=(replace(measured, value=2 * measured.value),))


def test_a_forced_run_that_dies_at_its_end_leaves_the_results_of_the_run_before(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scheduled(storage, BrightRegion())
    run(storage, job, BrightRegion())
    earlier = storage.findings.of_job(job.job_id)
    deliveries = storage.deliveries.of_study(job.study_instance_uid)

    def dies(worker: str) -> None:
        assert storage.jobs.retry(job.job_id, utcnow(), force=True)
        with monkeypatch.context() as killing:
            killing.setattr(Jobs, "complete_revision", Mock(side_effect=Killed))
            with pytest.raises(Killed):
                run(storage, job, TwiceAsBright(), worker)
        assert storage.jobs.get(job.job_id).state == "IN PROGRESS"
        assert storage.findings.of_study(job.study_instance_uid) == earlier

    dies("worker-2")
    assert storage.jobs.cancel(job.job_id, "Not needed.", utcnow())
    assert storage.jobs.get(job.job_id).status == "COMPLETED"
    assert storage.findings.of_study(job.study_instance_uid) == earlier
    # Where another worker goes on, its results count, once.
    dies("worker-3")
    storage.jobs.fail(job.job_id, "worker-3", "Its lease passed.", utcnow(), retry=True)
    replaced = run(storage, job, TwiceAsBright(), "worker-4")
    assert replaced.status == "SUPERSEDED"
    (finding,) = storage.findings.of_study(job.study_instance_uid)
    assert finding.value == pytest.approx(2 * (earlier[0].value or 0))
    again = storage.jobs.get(finding.job_id)
    assert (again.status, again.attempts) == ("COMPLETED", 2)
    # Those of the run that was cancelled, and of the one that ended, are other objects.
    assert deliveries
    assert len(storage.deliveries.of_study(job.study_instance_uid)) == 3 * len(deliveries)


def test_damaged_input_fails_the_job_by_its_name_and_nothing_is_computed(storage: Storage) -> None:
    """A voxel of one slice was flipped on disk, and nobody has read it since."""
    pipeline = BrightRegion()
    job = scheduled(storage, pipeline)
    harmed = storage.index.instances_of(job.study_instance_uid, job.series_instance_uid)[3]
    volume = storage.volumes.folder / harmed.location.volume
    with volume.open("r+b") as file:
        file.seek(harmed.location.offset + harmed.location.length - 1)
        last = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([last ^ 1]))
    ended = run(storage, job, pipeline)
    assert ended.state != "COMPLETED"
    assert harmed.sop_instance_uid in ended.reason
    assert "damaged" in ended.reason
    assert storage.findings.of_job(job.job_id) == []
