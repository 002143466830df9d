"""Several images at once, and multi-frame images, in a container: what it is given, and on which
image and frame what it marks comes back.

What podman does of it is tried by `make containers`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from inference.containers.card import ContainerCard
from inference.containers.container_run import ContainerRun, Ended
from inference.containers.number_output import read_set_results
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from tests.inference.containers import test_single_images as single
from tests.inference.containers.test_single_images import CARD, bright, node, segmentation
from tests.inference.films import part10, ultrasound
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_several_images import STUDY, view
from tests.inference.single_images.support import box_of, decided, objects

__all__ = ["node"]
PAGE = Path("docs/pipelines/containers.md")
NAME = "model-opacities"
# Of each view: where it is bright, as left, top, right, bottom.
PLACES = {
    "rcc": (10, 20, 40, 60),
    "lcc": (50, 30, 90, 50),
    "rmlo": (70, 100, 150, 220),
    "lmlo": (0, 0, 30, 12),
}


def inputs() -> dict[str, Any]:
    (block,) = re.findall(r"```json image-set\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card = ContainerCard.model_validate_json(block)
    assert card.container.takes == "images"
    return {one: json.loads(block)["inputs"][one] for one in card.inputs}


def four(*left_out: str) -> list[Dataset]:
    """Four views in four series; each with a bright place of its own."""
    made = []
    for number, (kind, (left, top, right, bottom)) in enumerate(PLACES.items(), start=1):
        if kind in left_out:
            continue
        one = view(kind, 400, number)
        pixels = one.pixel_array.copy()
        pixels[top:bottom, left:right] = 3500
        one.PixelData = pixels.tobytes()
        made.append(one)
    return list(reversed(made))


class ContainerOfSets:
    """Stands for the container: each role is a folder with one file."""

    def __init__(self, writing: Callable[[dict[str, Path], Path], None]) -> None:
        self.writing = writing
        self.given: list[dict[str, Path]] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        found = {}
        for role in run.input[0].iterdir():
            (found[role.name],) = role.iterdir()
        self.given.append(found)
        self.writing(found, run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)


def added(
    node: Storage, monkeypatch: pytest.MonkeyPatch, container: Any, card: dict[str, Any]
) -> None:
    monkeypatch.setattr(single, "CARD", card)
    monkeypatch.setattr(single, "Container", lambda _: container)
    single.added(node, monkeypatch, lambda *_: None)


def set_card(**changes: Any) -> dict[str, Any]:
    card = {**CARD, "inputs": inputs(), "reference": "rcc"}
    del card["accepts"]
    return {**card, "container": {**CARD["container"], "modality": "MG", **changes}}


def marking(images: dict[str, Path], written: Path) -> None:
    """A mask and a box of each view in its place, and an answer about all of them."""
    about = {}
    for role, path in images.items():
        image = pydicom.dcmread(path)
        segmentation(image, bright(image)).save_as(written / f"{role}.dcm")
        rows, columns = bright(image).nonzero()
        box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
        about[role] = {"boxes": [{"label": "Opacity", "box": box, "confidence": 0.5}]}
    answers = {
        "classifications": {"Suspicious": 0.8},
        "measurements": [{"label": "Views given", "value": len(images), "unit": "1"}],
        "images": about,
    }
    (written / "results.json").write_text(json.dumps(answers))


def done(node: Storage, *images: Dataset) -> Job:
    found = decisions(node, *images)
    (job_id,) = {one.job_id for one in found}
    job = run_job(node, job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def decisions(node: Storage, *images: Dataset) -> list[Decision]:
    receive(node, [part10(one) for one in images])
    complete_and_schedule(node, later(10))
    return [one for one in node.acceptance_decisions.of_study(STUDY) if one.pipeline == NAME]


def test_four_views_are_given_at_once_and_each_gets_back_what_is_its_own(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    container = ContainerOfSets(marking)
    added(node, monkeypatch, container, set_card())
    views = four()
    job = done(node, *views)
    (given,) = container.given
    assert set(given) == set(PLACES)
    found = node.findings.of_job(job.job_id)
    by_view = {f"{one.ImageLaterality}{one.ViewPosition}".lower(): one for one in views}
    masks = {
        one.PerFrameFunctionalGroupsSequence[0]
        .DerivationImageSequence[0]
        .SourceImageSequence[0]
        .ReferencedSOPInstanceUID: one
        for one in objects(node, job, "SEG")
    }
    for kind, place in PLACES.items():
        image = by_view[kind]
        own = {
            one.label: one
            for one in found
            if one.image is not None and one.image.sop_instance_uid == image.SOPInstanceUID
        }
        assert box_of(own["Opacity 1"]) == list(place)
        share = 100 * (place[2] - place[0]) * (place[3] - place[1]) / (240 * 160)
        assert own["Opacity share of the image"].value == pytest.approx(share, abs=1e-3)
        mask = np.squeeze(masks[image.SOPInstanceUID].pixel_array) > 0
        np.testing.assert_array_equal(mask, bright(image))
    of_all = {one.label: one for one in found if one.image is None}
    assert of_all["Suspicious"].confidence == 0.8
    assert of_all["Views given"].value == 4
    for kind, count in (("SEG", 4), ("SR", 1), ("GSPS", 4)):
        made = objects(node, job, kind)
        assert len(made) == count
        for number, one in enumerate(made):
            assert complaints(save(one, tmp_path / f"{kind}{number}.dcm")) == []


def test_a_view_that_may_be_missing_is_not_given_which_the_result_says(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = ContainerOfSets(marking)
    added(node, monkeypatch, container, set_card())
    first, *others = four("lmlo")
    waiting = decisions(node, first)
    assert "No image is right CC" in waiting[0].reason
    job = done(node, *others)
    assert set(container.given[0]) == {"rcc", "lcc", "rmlo"}
    assert any("left MLO is not there, and was not given" in one for one in job.result["notes"])


def _of_a_role_that_is_not_there(images: dict[str, Path], written: Path) -> None:
    answers = {"images": {"lateral": {"classifications": {"Opacity": 0.5}}}}
    (written / "results.json").write_text(json.dumps(answers))


def _of_an_image_of_another_study(images: dict[str, Path], written: Path) -> None:
    image = pydicom.dcmread(images["rcc"])
    image.SOPInstanceUID = "1.2.3.4"
    segmentation(image, bright(image)).save_as(written / "mask.dcm")


@pytest.mark.parametrize(
    ("writing", "says"),
    [
        (_of_a_role_that_is_not_there, "names the image lateral, which it was not given"),
        (_of_an_image_of_another_study, "refers to images that the container was not given"),
    ],
)
def test_what_belongs_to_none_of_the_images_is_refused(
    node: Storage,
    monkeypatch: pytest.MonkeyPatch,
    writing: Callable[[dict[str, Path], Path], None],
    says: str,
) -> None:
    added(node, monkeypatch, ContainerOfSets(writing), set_card())
    (job_id,) = {one.job_id for one in decisions(node, *four())}
    job = run_job(node, job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert says in job.reason
    assert node.findings.of_job(job.job_id) == []


def cine() -> Dataset:
    """Five frames; what is bright moves to the right by 4 pixels a frame."""
    frames = np.full((5, 24, 40), 20, np.uint8)
    for index in range(5):
        frames[index, 6:14, 4 * index : 4 * index + 8] = 250
    return ultrasound("cine-in-container", frames)


class ContainerOfCine:
    """Stands for the container: a box in frame 2 and one in frame 5 of the one image."""

    def __init__(self, *frames: int | None) -> None:
        self.frames = frames
        self.names: list[str] = []
        self.pixels: list[Any] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        paths = sorted(run.input[0].iterdir())
        self.names = [one.name for one in paths]
        if paths[0].suffix == ".png":
            self.pixels = [np.asarray(Image.open(one)) for one in paths]
        else:
            self.pixels = [pydicom.dcmread(paths[0]).pixel_array]
        boxes = [
            {
                "label": "Opacity",
                "box": [4 * (number or 1) - 4, 6, 4 * (number or 1) + 4, 14],
                "confidence": 1 / (number or 1),
                **({} if number is None else {"frame": number}),
            }
            for number in self.frames
        ]
        answers = {"classifications": {"Moving": 0.9}, "boxes": boxes}
        (run.output[0] / "results.json").write_text(json.dumps(answers))
        check()
        return Ended(0, is_out_of_memory=False)


def cine_card(**changes: Any) -> dict[str, Any]:
    card = {key: one for key, one in CARD.items() if key != "accepts"}
    container = {**CARD["container"], "modality": "US", "frames_at_most": 5, **changes}
    return {**card, "accepts": {"Modality": "US"}, "container": container}


@pytest.mark.parametrize("form", ["dicom", "png"])
def test_boxes_of_a_cine_come_back_in_their_frames(
    node: Storage, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    container = ContainerOfCine(5, 2)
    run = {"version": "1.0", "command": ["/app/run"], "input_format": form}
    added(node, monkeypatch, container, cine_card(run=run))
    dataset = cine()
    job = single.job_done(node, dataset, name=NAME)
    if form == "dicom":
        assert container.names == ["00001.dcm"]
        np.testing.assert_array_equal(container.pixels[0], dataset.pixel_array)
    else:
        assert container.names == [f"0000{number}.png" for number in range(1, 6)]
        for shown, sent in zip(container.pixels, dataset.pixel_array, strict=True):
            assert shown.shape[:2] == sent.shape[:2]
            np.testing.assert_array_equal(shown > 128, sent > 128)
    found = {one.label: one for one in node.findings.of_job(job.job_id)}
    places = {
        label: (one.image.frame_number, box_of(one))
        for label, one in found.items()
        if label.startswith("Opacity") and one.image is not None
    }
    assert places == {
        "Opacity 1": (2, [4, 6, 12, 14]),
        "Opacity 2": (5, [16, 6, 24, 14]),
    }
    assert found["Moving"].confidence == 0.9
    (state,) = objects(node, job, "GSPS")
    numbers = {
        int(number)
        for graphic in state.GraphicAnnotationSequence
        for one in graphic.ReferencedImageSequence
        for number in np.atleast_1d(one.get("ReferencedFrameNumber") or [])
    }
    assert numbers == {2, 5}


@pytest.mark.parametrize(
    ("frame", "says"), [(6, "is in frame 6; the image has 5"), (None, "names no frame")]
)
def test_a_box_in_no_frame_of_the_cine_is_refused(
    node: Storage, monkeypatch: pytest.MonkeyPatch, frame: int | None, says: str
) -> None:
    added(node, monkeypatch, ContainerOfCine(frame), cine_card())
    decision = decided(node, cine(), name=NAME)
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert says in job.reason


def test_a_cine_with_more_frames_than_the_card_takes_is_left(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, ContainerOfCine(1), cine_card(frames_at_most=4))
    decision = decided(node, cine(), name=NAME)
    assert not decision.accepted
    assert "has 5 frames; 4 are taken (frames_at_most)" in decision.reason


def test_the_page_states_results_that_are_read(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    (results,) = re.findall(r"```json set-results\n(.*?)```", page, re.DOTALL)
    (tmp_path / "results.json").write_text(results)
    _, by_role = read_set_results(tmp_path / "results.json")
    assert by_role["rcc"].boxes is not None
