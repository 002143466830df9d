"""lung-density on a real chest CT, from the index to results that other tools accept."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.pipelines.chest.lung_density import LungDensity
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from storage.core.findings import Acquisition
from tests.inference.orchestration import later, receive_folder, storage_in
from tests.inference.results_support import complaints, save


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with storage_in(tmp_path_factory.mktemp("lungs")) as storage:
        yield storage


@pytest.fixture(scope="module")
def job(storage: Storage, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("chest")
    every_second_voxel_in_plane(shared_data / "ct_chest_LIDC-IDRI-0001", folder)
    receive_folder(storage, folder)
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    decision = decisions["lung-density"]
    assert decision.accepted, decision.reason
    assert decision.reason == (
        "Axial chest CT of 133 slices 2.50 mm apart (kernel STANDARD, with contrast agent)."
    )
    assert not decisions["brain-volume"].accepted
    done = run_job(storage, decision.job_id or "", "worker")
    assert done is not None
    assert (done.state, done.reason) == ("COMPLETED", "")
    return done


def every_second_voxel_in_plane(source: Path, target: Path) -> None:
    """The same chest in a fourth of the time; all slices stay."""
    for path in source.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        fewer = dataset.pixel_array[::2, ::2]
        dataset.Rows, dataset.Columns = fewer.shape
        dataset.PixelSpacing = [2 * float(spacing) for spacing in dataset.PixelSpacing]
        dataset.PixelData = fewer.tobytes()
        dataset.save_as(target / path.name)


def result(storage: Storage, job: Job, kind: str) -> Dataset:
    (entry,) = [one for one in job.result["instances"] if one["kind"] == kind]
    instance = storage.index.instance(entry["sop_instance_uid"])
    return pydicom.dcmread(BytesIO(storage.instances.read(instance)))


def test_findings_name_both_lungs(storage: Storage, job: Job) -> None:
    values = {one.label: one.value for one in storage.findings.of_job(job.job_id)}
    assert len(values) == 12
    assert values.keys() <= LungDensity.measures
    assert values["Right lung volume"] == pytest.approx(1.96, abs=0.05)
    assert values["Left lung volume"] == pytest.approx(1.74, abs=0.05)
    # With all of them it is known how the images were made, which comparisons go by.
    known = [one.validity for one in storage.findings.of_job(job.job_id)]
    assert {one and one.acquisition for one in known} == {Acquisition("STANDARD", 2.5)}


def test_what_is_normal_is_told_beside_the_finding(storage: Storage, job: Job) -> None:
    stated = {one.label: one.normal_range for one in storage.findings.of_job(job.job_id)}
    normal = stated.pop("Both lungs LAA-950")
    assert normal is not None
    # The images were made with a contrast agent, which raises the density.
    assert "without contrast agent" in normal.missing
    assert (normal.low, normal.high) == (None, None)
    capacity = stated.pop("Both lungs volume")
    assert capacity is not None
    assert "asks for the patient's" in capacity.missing
    assert set(stated.values()) == {None}


@pytest.mark.parametrize("kind", ["SEG", "SR"])
def test_the_validators_find_no_error(
    storage: Storage, job: Job, kind: str, tmp_path: Path
) -> None:
    assert complaints(save(result(storage, job, kind), tmp_path / f"{kind}.dcm")) == []


def test_highdicom_reads_each_lung_where_the_patient_has_it(storage: Storage, job: Job) -> None:
    segmentation = hd.seg.segread(BytesIO(_bytes(result(storage, job, "SEG"))))
    centres = {}
    for number in segmentation.segment_numbers:
        label = segmentation.get_segment_description(number).segment_label
        volume = segmentation.get_volume(segment_numbers=[number], combine_segments=True)
        voxels = np.argwhere(volume.array > 0)
        centres[label] = float(volume.map_indices_to_reference(voxels.mean(0, keepdims=True))[0, 0])
    # LPS x grows to the patient's left.
    assert centres["Left lung"] > centres["Right lung"] + 100


def _bytes(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
