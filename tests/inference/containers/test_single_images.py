"""Films in a container, one at a time: what it is given, and what becomes of what it marks on them.

What podman does of it is tried by `make containers`.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.containers.card import ContainerCard
from inference.containers.container_run import ContainerRun, Ended
from inference.containers.engine import Engine
from inference.containers.number_output import read_image_results
from inference.model_registry.adding import add_model
from storage.container import Storage
from storage.core.entities import Decision, Job
from tests.inference.containers.test_container_job import IMAGE_ID
from tests.inference.films import SQUARE, film, ultrasound
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save
from tests.inference.single_images.heat_maps.heated import oblique_slice
from tests.inference.single_images.support import box_of, decided, objects
from tests.inference.single_images.support import done as job_done

NAME = "model-opacities"
CARD: dict[str, Any] = {
    "title": "Opacities",
    "licence": "of its maker",
    "accepts": {"BodyPartExamined": "CHEST"},
    "segments": {
        "1": {"label": "Opacity", "code": ["125112", "DCM", "Opacity"], "color_rgb": [10, 200, 30]}
    },
    "container": {
        "image": "localhost/opacities:1",
        "name": "Opacities",
        "modality": "DX",
        "takes": "images",
        "run": {"version": "1.0", "command": ["/app/run"]},
    },
}
Writing = Callable[[Dataset, Path], None]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, container_engine="podman", job_max_attempts=1) as storage:
        yield storage


class Container:
    """Stands for the container: `writing` is given the image of each run and the output folder."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.given: list[Dataset] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        (path,) = run.input[0].iterdir()
        dataset = pydicom.dcmread(path)
        self.given.append(dataset)
        self.writing(dataset, run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)


def added(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, **changes: Any
) -> Container:
    container = Container(writing)
    monkeypatch.setattr("inference.containers.engine.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(Engine, "image_id", lambda *_: IMAGE_ID)
    monkeypatch.setattr(Engine, "starts_with", lambda *_: ((), ""))
    monkeypatch.setattr(Engine, "hand_over", lambda *_: None)
    monkeypatch.setattr(Engine, "run", lambda _, run, check: container.run(run, check))
    folder = node.settings.data_dir / "opacities"
    folder.mkdir()
    card = {**CARD, "container": {**CARD["container"], **changes}}
    (folder / "mediview.json").write_text(json.dumps(card))
    done = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    assert done.standing.state == "active", done.steps
    return container


def bright(image: Dataset) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = image.pixel_array > 2000
    return found


def segmentation(image: Dataset, mask: NDArray[np.bool_]) -> Dataset:
    described = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Whatever",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type="MANUAL",
    )
    return hd.seg.Segmentation(
        source_images=[image],
        pixel_array=mask[None].astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[described],
        series_instance_uid=hd.UID(),
        series_number=900,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Another vendor",
        manufacturer_model_name="Opacities",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=False,
    )


def marking(image: Dataset, written: Path) -> None:
    """A mask, a box, a probability, and a number of each film."""
    segmentation(image, bright(image)).save_as(written / "mask.dcm")
    rows, columns = bright(image).nonzero()
    box = [float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0]
    answers = {
        "measurements": [{"label": "Files given", "value": 1, "unit": "1"}],
        "classifications": {"Pneumonia": 0.75},
        "boxes": [{"label": "Opacity", "box": box, "confidence": 0.9}],
    }
    (written / "results.json").write_text(json.dumps(answers))


def run_over(node: Storage, *images: Dataset) -> Job:
    job = job_done(node, *images, name=NAME)
    assert list((node.settings.data_dir / "containers").iterdir()) == []
    return job


def test_each_film_is_given_as_it_was_sent_and_marked_by_itself(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    container = added(node, monkeypatch, marking)
    moved = np.full((240, 320), 200, np.uint16)
    moved[100:180, 40:240] = 3800
    films = [film("films", 1), film("films", 2, pixels=moved)]
    job = run_over(node, *films)
    given = {one.SOPInstanceUID: one for one in container.given}
    assert set(given) == {one.SOPInstanceUID for one in films}
    assert all(given[one.SOPInstanceUID].PixelData == one.PixelData for one in films)
    places = {
        films[0].SOPInstanceUID: [SQUARE[2], SQUARE[0], SQUARE[3], SQUARE[1]],
        films[1].SOPInstanceUID: [40, 100, 240, 180],
    }
    for uid, place in places.items():
        found = {
            one.label: one
            for one in node.findings.of_job(job.job_id)
            if one.image is not None and one.image.sop_instance_uid == uid
        }
        assert box_of(found["Opacity 1"]) == place
        assert found["Opacity 1"].confidence == 0.9
        assert found["Opacity 1"].code.value == "125112"
        area = (place[2] - place[0]) * (place[3] - place[1])
        share = found["Opacity share of the image"]
        assert share.value == pytest.approx(100 * area / (240 * 320), abs=1e-3)
        assert share.segmentation is not None
        assert found["Boxes found"].value == found["Files given"].value == 1
        assert found["Pneumonia"].confidence == 0.75
    masks = {
        one.PerFrameFunctionalGroupsSequence[0]
        .DerivationImageSequence[0]
        .SourceImageSequence[0]
        .ReferencedSOPInstanceUID: one
        for one in objects(node, job, "SEG")
    }
    for one in films:
        mask = masks[one.SOPInstanceUID]
        np.testing.assert_array_equal(np.squeeze(mask.pixel_array) > 0, bright(one))
        assert mask.SegmentSequence[0].SegmentLabel == "Opacity"
    for kind, count in (("SEG", 2), ("SR", 1), ("GSPS", 2)):
        made = objects(node, job, kind)
        assert len(made) == count
        for number, one in enumerate(made):
            assert complaints(save(one, tmp_path / f"{kind}{number}.dcm")) == []
    assert f"({IMAGE_ID[:19]}), version 1.0 by its card" in " ".join(job.result["notes"])


def test_a_slice_with_a_place_in_the_patient_is_an_image_as_well(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, marking, modality="CT")
    dataset = oblique_slice("slice")
    job = run_over(node, dataset)
    (mask,) = objects(node, job, "SEG")
    assert mask.FrameOfReferenceUID == dataset.FrameOfReferenceUID
    np.testing.assert_array_equal(np.squeeze(mask.pixel_array) > 0, bright(dataset))


def test_a_container_that_looks_for_boxes_and_finds_none_says_so(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_: Dataset, written: Path) -> None:
        (written / "results.json").write_text('{"boxes": []}')

    added(node, monkeypatch, nothing)
    job = run_over(node, film("none"))
    (found,) = node.findings.of_job(job.job_id)
    assert (found.label, found.value) == ("Boxes found", 0)


def _of_another_film(image: Dataset, written: Path) -> None:
    other = film("other")
    other.StudyInstanceUID, other.SeriesInstanceUID = (
        image.StudyInstanceUID,
        image.SeriesInstanceUID,
    )
    segmentation(other, bright(other)).save_as(written / "mask.dcm")


def _of_another_patient(image: Dataset, written: Path) -> None:
    image.PatientID = "Q-4712"
    segmentation(image, bright(image)).save_as(written / "mask.dcm")


def _of_another_size(image: Dataset, written: Path) -> None:
    found = segmentation(image, bright(image))
    found.Rows, found.Columns = found.Columns, found.Rows
    found.save_as(written / "mask.dcm")


def _with_box(*box: float) -> Writing:
    def writing(_: Dataset, written: Path) -> None:
        answers = {"boxes": [{"label": "Opacity", "box": box}]}
        (written / "results.json").write_text(json.dumps(answers))

    return writing


@pytest.mark.parametrize(
    ("writing", "says"),
    [
        (_of_another_film, "refers to images that the container was not given"),
        (_of_another_patient, "is of another patient"),
        (_of_another_size, "has 240 × 320 pixels; the image has 320 × 240"),
        (_with_box(10, 10, 321, 20), "reaches beyond the 320 × 240 pixels"),
        (_with_box(-1, 10, 30, 20), "reaches beyond"),
        (_with_box(30, 10, 20, 20), "has no area"),
        (_with_box(10, 10, 20), "results.json of the container"),
    ],
)
def test_what_does_not_belong_to_the_film_is_refused(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, says: str
) -> None:
    from inference.worker.run import run_job

    added(node, monkeypatch, writing)
    decision = decided(node, film("refused"), name=NAME)
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert says in job.reason
    assert node.findings.of_job(job.job_id) == []


def _decision(node: Storage, *images: Dataset) -> Decision:
    decision = decided(node, *images, name=NAME)
    assert not decision.accepted
    return decision


def test_what_the_card_does_not_take_is_said_of_the_series(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, marking, images_at_most=2)
    many = [film("many", number) for number in (1, 2, 3)]
    assert "takes 2 of one series at most (images_at_most)" in _decision(node, *many).reason
    assert (
        "wants BodyPartExamined CHEST"
        in _decision(node, film("hand", BodyPartExamined="HAND")).reason
    )


def test_images_of_another_kind_are_not_taken(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, marking, modality="US")
    cine = ultrasound("cine", np.zeros((3, 24, 32), np.uint8))
    assert "has 3 frames; containers are given single images" in _decision(node, cine).reason
    assert "Modality is DX; US is taken" in _decision(node, film("dx")).reason


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"takes": "series", "run": {"version": "1.0", "input_format": "png"}}, "goes with"),
        ({"maps": {"adc.nii": {"label": "ADC", "unit": "mm2/s"}}}, "has no maps"),
    ],
)
def test_what_is_of_series_alone_does_not_go_with_images(
    changes: dict[str, Any], says: str
) -> None:
    card = {**CARD, "container": {**CARD["container"], **changes}}
    with pytest.raises(ValueError, match=says):
        ContainerCard.model_validate(card)
    inputs = {
        "now": {"accepts": {"view": "PA"}},
        "before": {"prior_of": "now", "within_days": 90},
    }
    several = {**CARD, "inputs": inputs, "reference": "now"}
    del several["accepts"]
    assert ContainerCard.model_validate(several).inputs["before"].within_days == 90
    inputs["before"]["registration"] = "rigid"
    with pytest.raises(ValueError, match=r"inputs\.before is an image: registration and"):
        ContainerCard.model_validate(several)


def test_the_page_states_cards_and_results_that_are_read(tmp_path: Path) -> None:
    page = Path("docs/pipelines/containers.md").read_text("utf-8")
    (card,) = re.findall(r"```json films\n(.*?)```", page, re.DOTALL)
    assert ContainerCard.model_validate_json(card).container.takes == "images"
    (results,) = re.findall(r"```json image-results\n(.*?)```", page, re.DOTALL)
    (tmp_path / "results.json").write_text(results)
    found = read_image_results(tmp_path / "results.json")
    assert found.boxes is not None
    assert found.boxes[0].box == (100, 60, 180, 100)
