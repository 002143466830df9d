"""One job from claim to end: its results, its progress, and how it is stopped."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydicom
import pytest

from inference.pipeline import Classification, PipelineContext, PipelineOutput
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.settings import Destination
from tests.inference.orchestration import later, receive, storage_in, wait_for
from tests.inference.small import PATIENT_NAME, BrightRegion, mr_slice, study_uid
from tests.inference.worker.one_job import run, scheduled
from tests.patience import PATIENCE_S


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    destination = Destination("pacs", "PACS", "127.0.0.1", 104)
    # Longer than a machine stalls; what is cancelled is noticed within a third of it.
    with storage_in(tmp_path, job_lease_s=6.0, destinations=(destination,)) as storage:
        yield storage


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
