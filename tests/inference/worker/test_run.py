"""One job from claim to end: its results, and every way in which it may not come to them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from unittest.mock import Mock

import pydicom
import pytest

from inference.pipeline import Classification, Pipeline, PipelineContext, PipelineOutput
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import NotFound, StorageFull
from storage.jobs.repository import Jobs
from storage.settings import Destination
from tests.inference.orchestration import complete_series, later, receive, storage_in, wait_for
from tests.inference.small import PATIENT_NAME, BrightRegion, mr_slice, study_uid
from tests.patience import PATIENCE_S


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    # Longer than a machine stalls; what is cancelled is noticed within a third of it.
    with storage_in(tmp_path, job_lease_s=6.0, destinations=(destination,)) as storage:
        yield storage


def scheduled(storage: Storage, pipeline: Pipeline, name: str = "a", count: int = 8) -> Job:
    (decision,) = schedule_series(storage, complete_series(storage, name, count), (pipeline,))
    return storage.jobs.get(decision.job_id or "")


def run(storage: Storage, job: Job, pipeline: Pipeline, owner: str = "worker-1") -> Job:
    run_job(storage, job.job_id, owner, pipelines=(pipeline,))
    return storage.jobs.get(job.job_id)


def test_a_job_leaves_findings_objects_and_deliveries_and_a_report_that_is_due(
    storage: Storage,
) -> None:
    pipeline = BrightRegion()
    job = run(storage, scheduled(storage, pipeline), pipeline)
    assert (job.state, job.progress, job.attempts, job.reason) == ("COMPLETED", 1.0, 1, "")
    assert [entry["kind"] for entry in job.result["instances"]] == ["SEG", "SR"]
    # 96 voxels of 2 mm³ in each of 8 slices
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.value, finding.unit and finding.unit.value) == (1.536, "cm3")
    (study, _) = storage.draft_queue.due(utcnow(), 10)[0]
    assert study == job.study_instance_uid, "the clock drafts its report"
    stored = [storage.index.instance(one["sop_instance_uid"]) for one in job.result["instances"]]
    assert {one.source for one in stored} == {f"result:{job.job_id}"}
    series = storage.index.series(job.study_instance_uid, stored[0].series_instance_uid)
    assert series.origin == "generated"
    deliveries = storage.deliveries.of_study(job.study_instance_uid)
    assert {one.sop_instance_uid for one in deliveries} == {one.sop_instance_uid for one in stored}
    assert {one.destination for one in deliveries} == {"pacs"}


def test_the_result_says_how_long_each_stage_took_and_what_memory_it_needed(
    storage: Storage,
) -> None:
    pipeline = BrightRegion()
    result = run(storage, scheduled(storage, pipeline), pipeline).result
    stages = {
        "loading",
        "assembling",
        "running",
        "comparing_lesions",
        "encoding",
        "storing",
        "total",
    }
    assert stages | {"running.threshold"} == set(result["timings_s"])
    assert result["timings_s"]["total"] >= result["timings_s"]["running"] >= 0
    assert result["peak_memory_bytes"] > 10_000_000


def test_the_segmentation_names_the_patient_and_the_slices_it_was_made_of(
    storage: Storage,
) -> None:
    pipeline = BrightRegion()
    job = run(storage, scheduled(storage, pipeline), pipeline)
    seg_uid = job.result["instances"][0]["sop_instance_uid"]
    seg = storage.instances.dataset(storage.index.instance(seg_uid))
    assert seg.PatientName == PATIENT_NAME
    assert seg.Modality == "SEG"
    assert int(seg.pixel_array.sum()) == 96 * 8


def test_progress_can_be_followed_stage_by_stage(storage: Storage) -> None:
    pipeline = BrightRegion()
    job = run(storage, scheduled(storage, pipeline), pipeline)
    seen = [event.payload for event in storage.events.since(0, job_id=job.job_id)]
    stages = list(dict.fromkeys(event["stage"] for event in seen if event["stage"]))
    assert stages == [
        "loading",
        "assembling",
        "running",
        "comparing_lesions",
        "encoding",
        "storing",
    ]
    fractions = [event["progress"] for event in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1], seen[-1]["state"]) == (0.0, 1.0, "COMPLETED")


def test_a_cancelled_job_stops_and_stores_nothing(storage: Storage, tmp_path: Path) -> None:
    pipeline = BrightRegion(hold=tmp_path / "never")
    job = scheduled(storage, pipeline)
    thread = threading.Thread(target=run, args=(storage, job, pipeline))
    thread.start()
    wait_for(lambda: storage.jobs.get(job.job_id).stage == "holding", "the model's start")
    assert storage.jobs.cancel(job.job_id, "Cancelled by a person.", utcnow())
    thread.join(timeout=PATIENCE_S)
    assert not thread.is_alive()
    job = storage.jobs.get(job.job_id)
    assert (job.state, job.reason) == ("CANCELED", "Cancelled by a person.")
    assert len(storage.index.series_of(job.study_instance_uid)) == 1
    assert storage.findings.of_job(job.job_id) == []


def test_a_worker_that_is_stopped_gives_the_job_back_without_spending_an_attempt(
    storage: Storage,
) -> None:
    pipeline = BrightRegion()
    job = scheduled(storage, pipeline)
    run_job(storage, job.job_id, "worker-1", pipelines=(pipeline,), stopping=lambda: True)
    given_back = storage.jobs.get(job.job_id)
    assert (given_back.state, given_back.attempts) == ("SCHEDULED", 0)
    assert [one.job_id for one in storage.jobs.due(utcnow(), 10)] == [job.job_id]


def test_work_done_twice_stores_the_same_objects_once(storage: Storage) -> None:
    """A worker that dies after storing and before saying so: the next one repeats it all."""
    pipeline = BrightRegion()
    job = scheduled(storage, pipeline)
    first = run(storage, job, pipeline)
    instances = storage.index.instances_of(job.study_instance_uid)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE job SET state = 'SCHEDULED', result = '{}'")
    second = run(storage, job, pipeline, "worker-2")
    assert (second.state, second.attempts) == ("COMPLETED", 2)
    assert second.result["instances"] == first.result["instances"]
    assert storage.index.instances_of(job.study_instance_uid) == instances
    assert len(storage.findings.of_job(job.job_id)) == 1
    assert len(storage.deliveries.of_study(job.study_instance_uid)) == 2
    assert len(storage.draft_queue.due(utcnow(), 10)) == 1


def test_an_instance_that_comes_late_voids_the_job_before_its_model_runs(
    storage: Storage, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    pipeline = BrightRegion(runs=runs)
    job = scheduled(storage, pipeline)
    receive(storage, [mr_slice("a", 9)])
    job = run(storage, job, pipeline)
    assert (job.state, job.status) == ("CANCELED", "SUPERSEDED")
    assert not runs.exists()


@dataclass(frozen=True)
class Failing(BrightRegion):
    error: Exception | None = None

    def run(self, context: PipelineContext) -> PipelineOutput:
        raise self.error or AssertionError("a failing pipeline needs its error")


def test_a_defect_ends_the_job_at_once_and_quotes_no_patient(storage: Storage) -> None:
    pipeline = Failing(error=ValueError(f"no brain in {PATIENT_NAME}"))
    job = run(storage, scheduled(storage, pipeline), pipeline)
    assert (job.state, job.attempts) == ("CANCELED", 1)
    assert job.reason.startswith("An unexpected ValueError at test_run.py:")
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


def test_the_stored_result_is_a_file_that_others_read(storage: Storage, tmp_path: Path) -> None:
    pipeline = BrightRegion()
    job = run(storage, scheduled(storage, pipeline), pipeline)
    for entry in job.result["instances"]:
        path = tmp_path / f"{entry['kind']}.dcm"
        path.write_bytes(storage.instances.read(storage.index.instance(entry["sop_instance_uid"])))
        assert pydicom.dcmread(path).SOPInstanceUID == entry["sop_instance_uid"]
    assert storage.index.study(study_uid("a")).patient_name == PATIENT_NAME


@dataclass(frozen=True)
class FirstBytes(BrightRegion):
    """Looks at an uploaded image, not at a series."""

    name: str = "first-bytes"
    input_kind: Literal["volume", "image"] = "image"

    def run(self, context: PipelineContext) -> PipelineOutput:
        assert context.image is not None
        return PipelineOutput(classifications=(Classification(context.image[1:4].decode(), 0.75),))


def test_an_uploaded_image_gets_findings_and_no_dicom(storage: Storage) -> None:
    storage.objects.put("uploads/1/picture.png", b"\x89PNG\r\n", content_type="image/png")
    pipeline = FirstBytes()
    job, _ = storage.jobs.schedule(
        pipeline.name, pipeline.version, "", "", "f" * 64, input_object_key="uploads/1/picture.png"
    )
    job = run(storage, job, pipeline)
    assert (job.state, job.reason, job.result["instances"]) == ("COMPLETED", "", [])
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.label, finding.confidence) == ("PNG", 0.75)
    assert storage.deliveries.due_count(later(3600)) == 0


def test_an_image_model_without_an_image_says_what_it_wants(storage: Storage) -> None:
    pipeline = FirstBytes()
    job, _ = storage.jobs.schedule(pipeline.name, pipeline.version, "1.2", "", "no image")
    job = run(storage, job, pipeline)
    assert (job.state, "analyses uploaded images" in job.reason) == ("CANCELED", True)


def test_a_study_that_is_deleted_as_its_job_ends_leaves_nothing_to_tell(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = BrightRegion()
    job = scheduled(storage, pipeline)
    complete = storage.jobs.complete

    def complete_and_lose(*arguments: Any) -> bool:
        done = complete(*arguments)
        storage.deletions.study(job.study_instance_uid)
        return done

    monkeypatch.setattr(storage.jobs, "complete", complete_and_lose)
    assert run_job(storage, job.job_id, "worker-1", pipelines=(pipeline,)) is None
    with pytest.raises(NotFound):
        storage.jobs.get(job.job_id)


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
            killing.setattr(Jobs, "complete", Mock(side_effect=Killed))
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
    again = run(storage, job, TwiceAsBright(), "worker-4")
    assert (again.status, again.attempts) == ("COMPLETED", 2)
    (finding,) = storage.findings.of_study(job.study_instance_uid)
    assert finding.value == pytest.approx(2 * (earlier[0].value or 0))
    assert storage.deliveries.of_study(job.study_instance_uid) == deliveries


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
