"""The real model on a real head, from the index to the stored results."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.orchestration import later, receive_folder, storage_in

# What deepbet's own command measures on this series (shared facts).
REFERENCE_CM3 = 1791.7


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.mark.slow
def test_a_t1_head_gets_its_brain_volume(storage: Storage, shared_data: Path) -> None:
    study_instance_uid = receive_folder(storage, shared_data / "mr_t1_head")
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    assert decisions["brain-volume"].accepted, decisions["brain-volume"].reason
    job = run_job(storage, decisions["brain-volume"].job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    (finding,) = storage.findings.of_job(job.job_id)
    assert finding.value == pytest.approx(REFERENCE_CM3, rel=0.005)
    assert finding.unit is not None
    assert finding.unit.value == "cm3"
    kinds = [entry["kind"] for entry in job.result["instances"]]
    assert kinds == ["SEG", "SR"]
    assert len(storage.index.instances_of(study_instance_uid)) == 384 + 2


@pytest.mark.parametrize(
    "folder",
    [
        "geometry_guards/gantrytilting_001",
        "geometry_guards/notavolume_001",
        "geometry_guards/sliceincrement_001",
        "vendor_headers/siemens_anatomical_001",
    ],
)
def test_what_nothing_takes_gets_a_reason_of_each_and_no_job(
    storage: Storage, shared_data: Path, folder: str
) -> None:
    study_instance_uid = receive_folder(storage, shared_data / folder)
    complete_and_schedule(storage, later(10))
    decisions = storage.acceptance_decisions.of_study(study_instance_uid)
    assert {one.pipeline for one in decisions} == {
        "brain-volume",
        "brain-structures",
        "lung-density",
        "film-field",
    }
    assert all(one.reason.endswith((".", "?")) and not one.accepted for one in decisions)
    assert storage.jobs.list() == ([], 0)
