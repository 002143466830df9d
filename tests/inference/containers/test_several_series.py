"""Several series as DICOM: what a container is given, and what it marks on either of them.

What podman does of it is tried by `make containers`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.containers.card import ContainerCard
from inference.containers.container_run import ContainerRun, Ended
from inference.containers.engine import Engine
from inference.containers.other_series import OtherSeries, notes_of
from inference.containers.results import OutputReader, Written, merged_masks
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipelines.container_files import with_volumes_elsewhere
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.containers.outputs import MIB, SPLEEN
from tests.inference.containers.test_container_job import IMAGE_ID
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.scheduling.four_sequences import STUDY, centres, files, lesion_at, sequence

INPUTS = {
    "t1": {"title": "T1", "accepts": {"mr_contrast": "T1"}},
    "flair": {"title": "FLAIR", "accepts": {"mr_contrast": "FLAIR"}},
}
CARD: dict[str, Any] = {
    "licence": "of its maker",
    "inputs": INPUTS,
    "reference": "t1",
    "segments": {"1": {"label": "Lesion", "code": ["52988006", "SCT", "Lesion"]}},
    "container": {
        "image": "localhost/lesions:3",
        "name": "Lesions",
        "modality": "MR",
        "run": {"version": "3.0", "command": ["/app/run"]},
    },
}
Series = dict[str, list[Dataset]]
Writing = Callable[[Series, Path], None]


@pytest.fixture(scope="module")
def phantom() -> Series:
    return {"t1": sequence("t1", 2), "flair": sequence("flair", 3)}


def in_order(images: list[Dataset]) -> list[Dataset]:
    row, column = np.reshape(images[0].ImageOrientationPatient, (2, 3)).astype(float)
    normal = np.cross(row, column)
    return sorted(images, key=lambda one: float(np.dot(one.ImagePositionPatient, normal)))


def read_folder(folder: Path) -> Series:
    return {
        role.name: in_order([pydicom.dcmread(path) for path in role.glob("*.dcm")])
        for role in folder.iterdir()
    }


def segmentation(images: list[Dataset], mask: NDArray[np.bool_]) -> Dataset:
    described = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Whatever",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type="MANUAL",
    )
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=mask.astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[described],
        series_instance_uid=hd.UID(),
        series_number=900,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Another vendor",
        manufacturer_model_name="Lesions",
        software_versions="1",
        device_serial_number="1",
    )


def bright(images: list[Dataset]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.stack([one.pixel_array for one in images]) > 500
    return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman", job_max_attempts=1) as storage:
        yield storage


def ended_job(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, phantom: Series
) -> tuple[Job, Series]:
    """Of a model that takes T1 and FLAIR, once both have come."""
    given: Series = {}

    def run(_: Engine, run: ContainerRun, check: Callable[[], None]) -> Ended:
        given.update(read_folder(run.input[0]))
        writing(given, run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)

    monkeypatch.setattr("inference.containers.engine.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(Engine, "image_id", lambda *_: IMAGE_ID)
    monkeypatch.setattr(Engine, "starts_with", lambda *_: ((), ""))
    monkeypatch.setattr(Engine, "hand_over", lambda *_: None)
    monkeypatch.setattr(Engine, "run", run)
    folder = node.settings.data_dir / "lesions"
    folder.mkdir()
    (folder / "mediview.json").write_text(json.dumps(CARD))
    done = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert done.standing.state == "active", done.steps
    for images in phantom.values():
        receive(node, files(images))
    (job_id,) = {one.job_id for one in complete_and_schedule(node, later(10)) if one.job_id}
    job = run_job(node, job_id, "worker")
    assert job is not None
    return job, given


def lesion_cm3(series: list[Dataset]) -> float:
    volume = assemble_volume(series)
    return np.count_nonzero(volume.voxels > 500) * volume.voxel_volume_mm3 / 1000


def test_each_series_is_given_as_it_was_sent_and_marks_on_both_become_one_result(
    node: Storage, monkeypatch: pytest.MonkeyPatch, phantom: Series
) -> None:
    def writing(given: Series, written: Path) -> None:
        for role, images in given.items():
            segmentation(images, bright(images)).save_as(written / f"{role}.dcm")

    job, given = ended_job(node, monkeypatch, writing, phantom)
    assert (job.state, job.reason) == ("COMPLETED", "")
    for role, images in phantom.items():
        sent = {one.SOPInstanceUID: one for one in images}
        assert {one.SOPInstanceUID for one in given[role]} == set(sent)
        assert all(one.PixelData == sent[one.SOPInstanceUID].PixelData for one in given[role])
    values = sorted(
        one.value or 0.0
        for one in node.findings.of_study(STUDY)
        if one.label.startswith("Lesion volume")
    )
    assert values == pytest.approx(sorted(map(lesion_cm3, phantom.values())), abs=6e-4)
    assert (
        "Lesion was marked on FLAIR, where its volume was measured; it is shown on T1, nearest"
        " voxel."
    ) in job.result["notes"]
    (made,) = [one for one in job.result["instances"] if one["kind"] == "SEG"]
    (instance,) = node.index.instances_of(STUDY, str(made["series_instance_uid"]))
    assert len(node.instances.dataset(instance).SegmentSequence) == 2


def read(folder: Path, phantom: Series) -> Written:
    reference, other = (assemble_volume(phantom[role]) for role in ("t1", "flair"))
    others = [OtherSeries("FLAIR", other)]
    return OutputReader(phantom["t1"][0], reference, {1: SPLEEN}, 8 * MIB, None, others).read(
        folder
    )


@pytest.mark.parametrize("form", ["segmentation", "label map"])
def test_what_is_marked_on_the_other_series_lies_at_the_same_place_of_the_patient(
    tmp_path: Path, phantom: Series, form: str
) -> None:
    images = in_order(phantom["flair"])
    if form == "segmentation":
        segmentation(images, bright(images)).save_as(tmp_path / "mask.dcm")
    else:
        affine = assemble_volume(images).lps_from_kji[:, [2, 1, 0, 3]]
        image = nib.Nifti1Image(bright(images).astype(np.uint8).T, np.diag((-1, -1, 1, 1)) @ affine)
        nib.save(image, tmp_path / "mask.nii.gz")
    found = read(tmp_path, phantom)
    (one,) = found.elsewhere
    assert one.volume_mm3 / 1000 == pytest.approx(lesion_cm3(images))
    masks = merged_masks(found)
    assert masks is not None
    reference = assemble_volume(phantom["t1"])
    inside = lesion_at(centres(reference.voxels.shape, reference.lps_from_kji))
    both = np.count_nonzero(inside & (masks.array == 1))
    dice = 2 * both / (np.count_nonzero(inside) + np.count_nonzero(masks.array))
    assert dice > 0.9


def test_values_that_are_no_labels_are_named_on_the_grid_of_the_other_series(
    tmp_path: Path, phantom: Series
) -> None:
    volume = assemble_volume(phantom["flair"])
    affine = np.diag((-1, -1, 1, 1)) @ volume.lps_from_kji[:, [2, 1, 0, 3]]
    half = np.full(volume.voxels.shape, 0.5, np.float32)
    nib.save(nib.Nifti1Image(half.T, affine), tmp_path / "mask.nii.gz")
    with pytest.raises(ModelUnusable, match=r"mask.nii.gz .* values between whole numbers"):
        read(tmp_path, phantom)
    affine[:3, 3] += 100
    nib.save(nib.Nifti1Image(half.T, affine), tmp_path / "mask.nii.gz")
    with pytest.raises(ModelUnusable, match="; the series has 44 × 40 × 24"):
        read(tmp_path, phantom)


def test_what_lies_outside_of_the_reference_has_a_number_and_no_mask(
    tmp_path: Path, phantom: Series
) -> None:
    """FLAIR reaches further to the side than T1."""
    images = in_order(phantom["flair"])
    own, reference = assemble_volume(images), assemble_volume(phantom["t1"])
    lps = centres(own.voxels.shape, own.lps_from_kji)
    to_t1 = np.linalg.inv(reference.lps_from_kji)
    mask = (lps @ to_t1[:3, :3].T + to_t1[:3, 3])[..., 2] < -1.0
    assert np.count_nonzero(mask) > 100
    segmentation(images, mask).save_as(tmp_path / "mask.dcm")
    found = read(tmp_path, phantom)
    assert merged_masks(found) is None
    (measured,) = with_volumes_elsewhere((), (), found.elsewhere)
    truth_cm3 = np.count_nonzero(mask) * own.voxel_volume_mm3 / 1000
    assert measured.value == pytest.approx(truth_cm3)
    (note,) = notes_of(found.elsewhere, "T1")
    assert note.endswith("no voxel of T1 lies in it, so it is not shown.")


def test_a_mask_beside_the_slices_of_the_other_series_is_refused(
    tmp_path: Path, phantom: Series
) -> None:
    images = in_order(phantom["flair"])
    found = segmentation(images, bright(images))
    for frame in found.PerFrameFunctionalGroupsSequence:
        plane = frame.PlanePositionSequence[0]
        x, y, z = plane.ImagePositionPatient
        plane.ImagePositionPatient = [x + 7.5, y, z]
    found.save_as(tmp_path / "mask.dcm")
    with pytest.raises(ModelUnusable, match="lies beside slice"):
        read(tmp_path, phantom)


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ({"structures": {"names": ["PTV"]}}, "flair is of a structure set"),
    ],
)
def test_inputs_that_are_no_series_as_sent_are_given_as_nifti_alone(
    role: dict[str, Any], says: str
) -> None:
    card = {**CARD, "inputs": {"t1": INPUTS["t1"], "flair": role}}
    with pytest.raises(ValueError, match=says):
        ContainerCard.model_validate(card)
    run = {**CARD["container"]["run"], "input_format": "nifti"}
    ContainerCard.model_validate({**card, "container": {**CARD["container"], "run": run}})
