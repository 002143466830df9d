"""Registered inputs and priors as DICOM: what a container is given, and what it marks on them.

What podman does of it is tried by `make containers`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import SpatialRegistrationStorage

from inference.containers.container_run import ContainerRun, Ended
from inference.containers.engine import Engine
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipelines.spatial_registration import spatial_registration
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.containers.test_container_job import IMAGE_ID
from tests.inference.containers.test_several_series import CARD, in_order, segmentation
from tests.inference.imaging.registration import drawn_head
from tests.inference.input_selection.earlier_studies import NOW, body, chest, decided
from tests.inference.input_selection.earlier_studies import card as card_of_priors
from tests.inference.job_loading.test_placement import LAY, head
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import complaints, save
from tests.inference.scheduling.four_sequences import STUDY, centres, files

NAME = "model-new-lesions"
LIES = drawn_head.moved((3, -2, 5), (6, -4, 8))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman", job_max_attempts=1) as storage:
        yield storage


class Container:
    """Keeps what it is given, and marks what `marks` says on the series of a role."""

    def __init__(self, marks: str, above: int) -> None:
        self.marks, self.above = marks, above
        self.series: dict[str, list[Dataset]] = {}
        self.registrations: dict[str, Path] = {}

    def run(self, run: ContainerRun, check: Any) -> Ended:
        for path in run.input[0].iterdir():
            if path.is_dir():
                images = [pydicom.dcmread(one) for one in path.iterdir()]
                self.series[path.name] = in_order(images)
            else:
                copy = run.input[0].parents[2] / path.name
                copy.write_bytes(path.read_bytes())
                self.registrations[path.name] = copy
        images = self.series[self.marks]
        mask = np.stack([one.pixel_array for one in images]) > self.above
        segmentation(images, mask).save_as(run.output[0] / "mask.dcm")
        check()
        return Ended(0, is_out_of_memory=False)


def added(
    node: Storage, monkeypatch: pytest.MonkeyPatch, container: Container, card: dict[str, Any]
) -> None:
    monkeypatch.setattr("inference.containers.engine.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(Engine, "image_id", lambda *_: IMAGE_ID)
    monkeypatch.setattr(Engine, "starts_with", lambda *_: ((), ""))
    monkeypatch.setattr(Engine, "hand_over", lambda *_: None)
    monkeypatch.setattr(Engine, "run", lambda _, run, check: container.run(run, check))
    folder = node.settings.data_dir / "container"
    folder.mkdir()
    (folder / "mediview.json").write_text(json.dumps(card))
    done = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert done.standing.state == "active", done.steps


def ran(node: Storage, job_id: str | None) -> Job:
    job = run_job(node, job_id or "", "worker")
    assert job is not None
    return job


def matrix_of(registration: Dataset, item: int) -> Any:
    (stated,) = registration.RegistrationSequence[item].MatrixRegistrationSequence
    (matrix,) = stated.MatrixSequence
    assert matrix.FrameOfReferenceTransformationMatrixType == "RIGID"
    return np.array(matrix.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)


def container_card(**before: Any) -> dict[str, Any]:
    card = card_of_priors(**before)
    del card["model"]
    container = {**CARD["container"], "name": "New lesions", "modality": "CT"}
    return {**card, "container": container}


@pytest.mark.slow
def test_a_prior_is_given_as_it_was_sent_with_its_registration(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container("now", 1200)
    added(node, monkeypatch, container, container_card(registration="rigid"))
    place = np.array([30.0, 20.0, 10.0])
    before = body("2.25.9300", "20241231", LIES, FrameOfReferenceUID="2.25.9333")
    now = body(NOW, "20251231", np.eye(4), place)
    decision = decided(node, before, now)
    assert decision.accepted, decision.reason
    job = ran(node, decision.job_id)
    assert (job.state, job.reason) == ("COMPLETED", "")
    for role, sent in (("now", now), ("before", before)):
        given = {one.SOPInstanceUID: one.PixelData for one in container.series[role]}
        assert given == {one.SOPInstanceUID: one.PixelData for one in sent}
    (path,) = container.registrations.values()
    assert path.name == "registration_before.dcm"
    assert complaints(path) == []
    registration = pydicom.dcmread(path)
    assert registration.SOPClassUID == SpatialRegistrationStorage
    assert registration.FrameOfReferenceUID == "2.25.9000"
    frames = [one.FrameOfReferenceUID for one in registration.RegistrationSequence]
    assert frames == ["2.25.9000", "2.25.9333"]
    np.testing.assert_array_equal(matrix_of(registration, 0), np.eye(4))
    # A place of the head, where it lay in the prior, comes to lie where it lies now.
    corners = np.array([[x, y, z, 1] for x in (-40, 40) for y in (-50, 50) for z in (-40, 40)])
    there = corners @ LIES.T
    back = there @ matrix_of(registration, 1).T
    assert np.linalg.norm((back - corners)[:, :3], axis=1).max() < 2
    (other,) = registration.StudiesContainingOtherReferencedInstancesSequence
    assert other.StudyInstanceUID == "2.25.9300"
    notes = " ".join(job.result["notes"])
    assert "CT before is of the study of 2024-12-31, 365 days before." in notes
    assert "Given as DICOM: CT before registered to it (rigid:" in notes
    assert {one.study_instance_uid for one in node.findings.of_job(job.job_id)} == {NOW}


def test_what_is_marked_on_the_prior_is_refused(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are of the study at hand alone."""
    added(node, monkeypatch, Container("before", 500), container_card())
    places = np.array([-14.0, 0.0, 0.0])
    decision = decided(node, chest("2.25.9300", "20241231", places), chest(NOW, "20251231", places))
    job = ran(node, decision.job_id)
    assert job.state == "CANCELED"
    assert "is of another study than the series that it was given" in job.reason


def test_without_a_prior_there_is_no_folder(node: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container("now", 500)
    added(node, monkeypatch, container, container_card())
    decision = decided(node, chest(NOW, "20251231", np.array([-14.0, 0.0, 0.0])))
    job = ran(node, decision.job_id)
    assert (job.state, job.reason) == ("COMPLETED", "")
    assert set(container.series) == {"now"}


@pytest.mark.slow
def test_what_is_marked_on_a_registered_series_is_shown_where_it_lies(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLAIR was made while the head lay elsewhere, in a Frame of Reference of its own."""
    inputs = {
        "t1c": {"title": "T1c", "accepts": {"mr_contrast": "T1"}},
        "flair": {
            "title": "FLAIR",
            "accepts": {"mr_contrast": "FLAIR"},
            "registration": "rigid",
        },
    }
    container = Container("flair", 750)
    added(node, monkeypatch, container, {**CARD, "inputs": inputs, "reference": "t1c"})
    t1c, flair = head("t1c", 2), head("flair", 3)
    for one in (t1c, flair):
        receive(node, files(one))
    (job_id,) = {one.job_id for one in complete_and_schedule(node, later(10)) if one.job_id}
    job = ran(node, job_id)
    assert (job.state, job.reason) == ("COMPLETED", "")
    assert set(container.registrations) == {"registration_flair.dcm"}
    (made,) = [one for one in job.result["instances"] if one["kind"] == "SEG"]
    mask = node.instances.dataset(node.index.instance(str(made["sop_instance_uid"])))
    assert mask.FrameOfReferenceUID == t1c[0].FrameOfReferenceUID
    volume = assemble_volume(t1c)
    truth = drawn_head.is_lesion(
        centres(volume.voxels.shape, np.linalg.inv(LAY["t1c"]) @ volume.lps_from_kji)
    )
    found = np.zeros(volume.voxels.shape, bool)
    places = {uid: k for k, uid in enumerate(volume.sop_instance_uids)}
    frames = mask.pixel_array.reshape(-1, *volume.voxels.shape[1:])
    for frame, groups in zip(frames, mask.PerFrameFunctionalGroupsSequence, strict=True):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        found[places[source.ReferencedSOPInstanceUID]] |= frame > 0
    dice = 2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum())
    assert dice > 0.85
    measured = {one.label: one.value for one in node.findings.of_study(STUDY)}
    own = assemble_volume(flair)
    count = np.count_nonzero(np.stack([one.pixel_array for one in in_order(flair)]) > 750)
    assert measured["Lesion volume"] == pytest.approx(count * own.voxel_volume_mm3 / 1e3, abs=1e-3)
    assert "it is shown on T1c, by its registration, nearest voxel." in " ".join(
        job.result["notes"]
    )


def test_the_registration_is_a_valid_object_of_the_reference(tmp_path: Path) -> None:
    """Also within one Frame of Reference, where the images alone tell which is which."""
    now = chest(NOW, "20251231")
    found = spatial_registration(now[0], chest(NOW, "20251231", number=4), np.eye(4))
    assert complaints(save(found, tmp_path / "registration.dcm")) == []
    series = [str(one.SeriesInstanceUID) for one in found.ReferencedSeriesSequence]
    assert series == [f"{NOW}.3", f"{NOW}.4"]
    named = [one.ReferencedImageSequence for one in found.RegistrationSequence]
    assert [len(one) for one in named] == [1, len(now)]
