"""Boxes in each of several images that a detector is given at once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.refusals import ModelUnusable
from inference.single_images.card import ImageCard
from inference.single_images.outputs import NoAnswer, boxes_of, boxes_of_each
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.films import script
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_marked_sets import (
    marked,
    run_of,
    segmentation_card,
)
from tests.inference.single_images.several.test_several_images import view
from tests.inference.single_images.support import box_of, objects

ANSWERS = ("with the image of each box", "image by image", "as a tuple")


def detecting(folder: Path, answers: str) -> Path:
    """TorchScript: a box around what is bright in each image, the last image first."""
    import torch

    class WithImages(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            boxes, images = torch.zeros((0, 4)), torch.zeros((0,), dtype=torch.int64)
            for place in range(x.shape[1] - 1, -1, -1):
                bright = x[0, place] > 0.5
                if bool(bright.any()):
                    rows = torch.nonzero(bright.any(dim=1)).flatten()
                    columns = torch.nonzero(bright.any(dim=0)).flatten()
                    box = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
                    boxes = torch.cat([boxes, box.float()[None]])
                    images = torch.cat([images, torch.full((1,), place)])
            count = images.shape[0]
            # Surest of the last image, so that order by score is not that of the images.
            scores = 0.6 + 0.1 * images.float()
            labels = torch.ones((count,), dtype=torch.int64)
            return {"boxes": boxes, "labels": labels, "scores": scores, "images": images}

    class ImageByImage(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.together = WithImages()

        def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
            found = self.together(x)
            answers: list[dict[str, torch.Tensor]] = []
            for place in range(x.shape[1]):
                here = found["images"] == place
                one: dict[str, torch.Tensor] = {}
                for key in ("boxes", "labels", "scores"):
                    one[key] = found[key][here]
                answers.append(one)
            return answers

    class AsTuple(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.together = WithImages()

        def forward(
            self, x: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
            found = self.together(x)
            return found["boxes"], found["labels"], found["scores"], found["images"]

    class WithoutImages(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.together = WithImages()

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            found = self.together(x)
            return found["boxes"], found["labels"], found["scores"]

    modules = (*zip(ANSWERS, (WithImages(), ImageByImage(), AsTuple()), strict=True),)
    folder.mkdir(parents=True)
    return script(folder, dict(modules).get(answers) or WithoutImages())


def detection_card() -> dict[str, Any]:
    stated = segmentation_card()
    stated["model"] = {**stated["model"], "output": "object-detection", "background": 0}
    return stated


def add(storage: Storage, folder: Path) -> None:
    (folder / "mediview.json").write_text(json.dumps(detection_card()))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def around_bright(one: Dataset) -> list[float]:
    rows, columns = np.nonzero(one.pixel_array > 2048)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("answers", ANSWERS)
def test_each_view_gets_its_own_boxes_where_they_lie(tmp_path: Path, answers: str) -> None:
    """The left MLO is missing, and the right MLO shows nothing."""
    views = {}
    for number, kind in enumerate(("rcc", "lcc", "rmlo"), start=1):
        # Left views are sent the other way round, and turned for the model.
        turned = {"PatientOrientation": ["P", "F"]} if kind[0] == "l" else {}
        one = marked(kind, number, **turned) if kind != "rmlo" else view(kind, 400, number)
        views[str(one.SOPInstanceUID)] = one
    with storage_in(tmp_path, result_kinds="CAD") as storage:
        add(storage, detecting(tmp_path / "m", answers))
        job = run_of(storage, *views.values())
        found = storage.findings.of_job(job.job_id)
        (report,) = objects(storage, job, "SR")
        (cad,) = objects(storage, job, "CAD")
        states = objects(storage, job, "GSPS")
    of_images = [(one.image.sop_instance_uid, one) for one in found if one.image is not None]
    counted = {uid: one.value for uid, one in of_images if one.label == "Boxes found"}
    boxes = {uid: one for uid, one in of_images if one.label == "Suspicious 1"}
    assert counted == {uid: float("MLO" not in one.ViewPosition) for uid, one in views.items()}
    assert set(boxes) == {uid for uid, count in counted.items() if count}
    for uid, box in boxes.items():
        assert box_of(box) == pytest.approx(around_bright(views[uid]), abs=1e-3)
    assert sorted(one.confidence or 0 for one in boxes.values()) == pytest.approx([0.6, 0.7])
    referenced = {
        str(image.ReferencedSOPInstanceUID)
        for one in states
        for series in one.ReferencedSeriesSequence
        for image in series.ReferencedImageSequence
    }
    assert referenced == set(boxes)
    for document in (report, cad):
        assert complaints(save(document, tmp_path / "x.dcm")) == []
    assert any("left MLO is not there" in note for note in (job.result or {})["notes"])


def test_a_detector_that_does_not_say_in_which_image_its_boxes_lie_is_refused(
    storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnusable, match="does not say in which of 4 images each box lies"):
        add(storage, detecting(tmp_path / "m", "without images"))


def test_a_hugging_face_detector_takes_one_image(storage: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(InvalidRequest, match="does not say in which of them a box lies"):
        add(storage, folder)


def answer(boxes: int, **changes: Any) -> dict[str, Any]:
    stated = {
        "boxes": np.tile([0.0, 0.0, 5.0, 5.0], (boxes, 1)),
        "labels": np.ones(boxes),
        "scores": np.linspace(0.2, 0.9, boxes),
    }
    return {**stated, **changes}


@pytest.mark.parametrize(
    ("images", "mistake"),
    [
        ([0, 4], "puts a box in another image than 0 to 3"),
        ([0, -1], "puts a box in another image than 0 to 3"),
        ([0.5, 1], "puts a box in another image than 0 to 3"),
        ([np.nan, 1], "puts a box in another image than 0 to 3"),
        ([0], "gives 2 boxes, and of 1 in which image they lie"),
    ],
)
def test_images_of_boxes_that_cannot_be_are_no_answer(images: list[float], mistake: str) -> None:
    with pytest.raises(NoAnswer, match=mistake):
        boxes_of(answer(2, images=np.array(images)), 4)


def test_answers_about_other_numbers_of_images_are_no_answer() -> None:
    with pytest.raises(NoAnswer, match="gives the boxes of 3 images, and was given 4"):
        boxes_of_each([answer(1)] * 3, 4)
    found = boxes_of_each([answer(1), answer(0), answer(2), answer(0)], 4)
    assert found.images.tolist() == [2, 0, 2]


@pytest.mark.parametrize("named", [False, True])
def test_a_server_names_the_image_of_each_box_where_there_are_several(*, named: bool) -> None:
    tensor = {"datatype": "FP32", "shape": [-1]}
    detections: dict[str, Any] = {
        "boxes": {"name": "b", "datatype": "FP32", "shape": [-1, 4]},
        "labels": {**tensor, "name": "l"},
        "scores": {**tensor, "name": "s"},
        **({"images": {**tensor, "name": "i"}} if named else {}),
    }
    served = {
        "server": "triton",
        "model": "breast",
        "input": {"name": "x", "datatype": "FP32", "shape": [1, 4, 240, 160]},
        "detections": detections,
    }
    stated = {**detection_card(), "served": served}
    if named:
        card = ImageCard.model_validate(stated)
        assert card.served is not None
        assert [one.name for one in card.served.asked] == ["b", "l", "s", "i"]
    else:
        with pytest.raises(ValueError, match="images is of a detector in several inputs"):
            ImageCard.model_validate(stated)
