"""Images with those of an earlier study in a container: what it is given, and that nothing of the
earlier one comes back.

What podman does of it is tried by `make containers`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from inference.containers.card import ContainerCard
from inference.containers.container_run import ContainerRun, Ended
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from tests.inference.containers.test_image_sets import added, set_card
from tests.inference.containers.test_single_images import CARD, bright, node, segmentation
from tests.inference.films import film, part10
from tests.inference.orchestration import later, receive
from tests.inference.single_images.several.test_several_images import view
from tests.inference.single_images.support import box_of, objects
from tests.inference.small import study_uid

__all__ = ["node"]
PAGE = Path("docs/pipelines/containers.md")
NAME = "model-new-opacities"
OLD, NEW = (20, 60, 40, 120), (150, 180, 90, 250)
"""Top, bottom, left, right of what is bright."""
Writing = Callable[[Path, Path], None]


class Container:
    """Stands for the container: `writing` is given both of its folders."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.given: list[list[str]] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        given = run.input[0]
        files = [one for one in given.rglob("*") if one.is_file()]
        self.given.append(sorted(str(one.relative_to(given)) for one in files))
        self.writing(given, run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)


def page_card(form: str = "dicom", **prior: Any) -> dict[str, Any]:
    (block,) = re.findall(r"```json image-prior\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card: dict[str, Any] = json.loads(block)
    assert ContainerCard.model_validate(card).prior is not None
    card["container"]["run"]["input_format"] = form
    return {**card, "prior": {**card["prior"], **prior}}


def chest(name: str, date: str, *places: tuple[int, int, int, int], **changes: Any) -> Dataset:
    """Of other rows and columns by its year, so that no two fit each other by chance."""
    rows, columns = (240, 320) if date.startswith("2025") else (200, 300)
    pixels = np.full((rows, columns), 200, np.uint16)
    for top, bottom, left, right in places:
        pixels[top:bottom, left:right] = 3800
    return film(name, 1, pixels=pixels, StudyDate=date, **changes)


def decided(node: Storage, *images: Dataset, name: str = NAME) -> Decision:
    receive(node, [part10(one) for one in images])
    complete_and_schedule(node, later(10))
    look_for_priors_again(node, later(10))
    found = node.acceptance_decisions.of_study(study_uid("now"))
    return next(one for one in found if one.pipeline == name)


def ran(node: Storage, decision: Decision) -> Job:
    assert decision.accepted, decision.reason
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    return job


def pixels_of(path: Path) -> Any:
    if path.name.endswith(".nii.gz"):
        return np.asarray(nibabel.load(path).dataobj)[:, :, 0].T
    return np.asarray(Image.open(path)).astype(np.int32) * 16


def marks_what_is_new(given: Path, written: Path) -> None:
    """A box around what is bright now and was not, and a mask in the pixels of the image."""
    dicom = (given / "image/00001.dcm").exists()
    png = (given / "image/00001.png").exists()
    ending = "/00001.png" if png else ".nii.gz"
    paths = [given / f"{one}/00001.dcm" if dicom else given / f"{one}{ending}" for one in ROLES]
    now, before = (
        None if not one.exists() else pydicom.dcmread(one).pixel_array if dicom else pixels_of(one)
        for one in paths
    )
    new = now > 2000
    if before is not None:
        rows, columns = np.minimum(now.shape, before.shape)
        new[:rows, :columns] &= before[:rows, :columns] < 2000
    rows, columns = new.nonzero()
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    answers = {"boxes": [{"label": "Opacity", "box": box, "confidence": 0.9}]}
    (written / "results.json").write_text(json.dumps(answers))
    if dicom:
        segmentation(pydicom.dcmread(paths[0]), new).save_as(written / "mask.dcm")
    elif png:
        Image.fromarray(new.astype(np.uint8)).save(written / "mask.png")
    else:
        image = nibabel.load(paths[0])
        mask = nibabel.Nifti1Image(new.T[:, :, None].astype(np.uint8), image.affine)
        nibabel.save(mask, written / "mask.nii.gz")


ROLES = ("image", "before")


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("dicom", ["before/00001.dcm", "image/00001.dcm"]),
        ("png", ["before/00001.png", "image/00001.png"]),
        ("nifti", ["before.nii.gz", "image.nii.gz"]),
    ],
)
def test_an_image_comes_with_that_of_the_same_view_before(
    node: Storage, monkeypatch: pytest.MonkeyPatch, form: str, files: list[str]
) -> None:
    container = Container(marks_what_is_new)
    added(node, monkeypatch, container, page_card(form))
    now = chest("now", "20251231", OLD, NEW)
    lateral = chest("side", "20250601", ViewPosition="LL", PatientOrientation=["A", "F"])
    decision = decided(node, chest("before", "20241231", OLD), lateral, now)
    assert decision.reason.endswith("With the prior image of 2024-12-31 for each.")
    job = ran(node, decision)
    assert (job.state, job.reason) == ("COMPLETED", "")
    assert container.given == [files]
    found = {one.label: one for one in node.findings.of_job(job.job_id)}
    top, bottom, left, right = NEW
    assert box_of(found["Opacity 1"]) == [left, top, right, bottom]
    (mask,) = objects(node, job, "SEG")
    new = bright(now).copy()
    new[: OLD[1]] = False
    np.testing.assert_array_equal(np.squeeze(mask.pixel_array) > 0, new)
    assert "The prior is of the study of 2024-12-31, 365 days before." in job.result["notes"]
    assert {one["role"] for one in job.result["inputs"]} == {"image", "before"}


def test_without_a_prior_the_image_is_given_alone_until_one_comes(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container(marks_what_is_new)
    added(node, monkeypatch, container, page_card())
    first = ran(node, decided(node, chest("now", "20251231", OLD, NEW)))
    assert container.given == [["image/00001.dcm"]]
    assert "1 of 1 images: without a prior, which was not given." in first.result["notes"]
    second = ran(node, decided(node, chest("before", "20241231", OLD)))
    assert node.jobs.get(first.job_id).status == "SUPERSEDED"
    assert second.state == "COMPLETED"
    assert container.given[1] == ["before/00001.dcm", "image/00001.dcm"]


def _mask_before(given: Path, written: Path) -> None:
    (written / "before").mkdir()
    Image.fromarray(np.ones((200, 300), np.uint8)).save(written / "before" / "mask.png")


def _labels_before(given: Path, written: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((300, 200, 1), np.uint8), np.eye(4))
    nibabel.save(image, written / "before.nii.gz")


def _segmentation_before(given: Path, written: Path) -> None:
    image = pydicom.dcmread(given / "before/00001.dcm")
    segmentation(image, bright(image)).save_as(written / "old.dcm")


@pytest.mark.parametrize(
    ("writing", "says"),
    [
        (_mask_before, "mask.png of the container is of before, a prior; results are of the"),
        (_labels_before, "before.nii.gz of the container is of before, a prior"),
        (_segmentation_before, "old.dcm of the container is of another study"),
    ],
)
def test_what_is_marked_on_the_prior_is_refused(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, says: str
) -> None:
    added(node, monkeypatch, Container(writing), page_card())
    before, now = chest("before", "20241231", OLD), chest("now", "20251231", OLD, NEW)
    job = ran(node, decided(node, before, now))
    assert job.state == "CANCELED"
    assert says in job.reason
    assert node.findings.of_job(job.job_id) == []


def _answers(given: Path, written: Path) -> None:
    answers = {"images": {"rcc": {"classifications": {"Suspicious": 0.4}}}}
    (written / "results.json").write_text(json.dumps(answers))


def _answers_before(given: Path, written: Path) -> None:
    answers = {"images": {"rcc-before": {"classifications": {"Suspicious": 0.4}}}}
    (written / "results.json").write_text(json.dumps(answers))


def with_prior() -> dict[str, Any]:
    before = {"prior_of": "rcc", "within_days": 1100}
    card = set_card()
    inputs = {"rcc": card["inputs"]["rcc"], "rcc-before": before}
    return {**card, "inputs": inputs}


@pytest.mark.parametrize(
    ("writing", "says"),
    [(_answers, ""), (_answers_before, "states results of rcc-before, a prior; results are of")],
)
def test_of_several_images_one_may_be_the_prior_of_another(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, says: str
) -> None:
    container = Container(writing)
    added(node, monkeypatch, container, with_prior())
    of = {"StudyInstanceUID": study_uid("now"), "StudyDate": "20251231"}
    now = view("rcc", 1200, 1, **of)
    before = view("rcc", 400, 2, StudyDate="20241231")
    job = ran(node, decided(node, before, now, name="model-opacities"))
    assert container.given == [["rcc-before/00001.dcm", "rcc/00001.dcm"]]
    assert says in job.reason
    assert job.state == ("CANCELED" if says else "COMPLETED")


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({**CARD, "prior": {"within_days": 0}}, "greater than 0"),
        ({**with_prior(), "prior": {"within_days": 90}}, "beside inputs a prior is an input"),
        (
            {**CARD, "prior": {"within_days": 90}, "container": {**CARD["container"],
            "takes": "series"}},
            'prior goes with container.takes "images"',
        ),
    ],
)  # fmt: skip
def test_a_prior_that_does_not_fit_its_card_is_refused(card: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ContainerCard.model_validate(card)
