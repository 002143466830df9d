"""A detection in films on cases of which a table states the boxes, and the gate of its card."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.evaluation.images.box_reference import read_box_reference
from inference.evaluation.images.box_report import render_boxes
from inference.evaluation.images.boxes import BoxEvaluation, evaluate_boxes
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.single_images.card import ImageCard
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.films import (
    bright_detector,
    film,
    image_card,
    script,
    ultrasound,
    write_card,
)
from tests.inference.orchestration import storage_in
from tests.inference.single_images.cines import beating
from tests.inference.single_images.support import PIPELINE, UPRIGHT

HEADING = "image,label,x0,y0,x1,y1\n"
PART = (100, 60, 180, 100)
"""Left, top, right, bottom of the bright part of a film of 240 rows and 320 columns."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def written(cases: Path, name: str, **of: Any) -> str:
    """A case of one film; its UID."""
    (cases / name).mkdir(parents=True)
    dataset = film(name, **of)
    builders.write([dataset], cases / name)
    return str(dataset.SOPInstanceUID)


def stated(cases: Path, *lines: str) -> None:
    (cases / "boxes.csv").write_text(HEADING + "".join(f"{one}\n" for one in lines))


def evaluated(storage: Storage, model: Path, cases: Path) -> tuple[BoxEvaluation, str]:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert isinstance(pipeline, ImageModelPipeline)
    evaluation = evaluate_boxes(storage.settings, pipeline, cases)
    return evaluation, render_boxes(evaluation, pipeline.card.gate)


def test_boxes_are_compared_in_stored_pixels_whatever_the_display(
    storage: Storage, tmp_path: Path
) -> None:
    cases = tmp_path / "cases"
    box = ",".join(map(str, PART))
    plain = written(cases, "plain")
    pixels = film("plain").pixel_array
    inverted = written(
        cases, "inverted", pixels=4095 - pixels, PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE",
    )  # fmt: skip
    # Stored lying on its side, and turned upright for the model: 320 rows, 240 columns.
    turned = written(
        cases,
        "turned",
        pixels=np.ascontiguousarray(np.rot90(pixels)),
        PatientOrientation=["F", "R"],
    )
    written(cases, "unstated")
    stated(
        cases, f"{plain},bright part,{box}", f"{inverted},Bright part,{box}",
        f"{turned},Bright part,60,140,100,220",
    )  # fmt: skip
    evaluation, report = evaluated(storage, bright_detector(tmp_path / "m", image=UPRIGHT), cases)
    summary = evaluation.summary()
    boxes = summary["boxes"]["Bright part"]
    assert (boxes["images"], boxes["boxes"], boxes["sensitivity_at_0.5"]) == (3.0, 3.0, 1.0)
    assert summary["metrics"]["sensitivity_at_2"] == 1.0
    assert summary["subgroups"]["manufacturer"]["Phantom"]["sensitivity_at_1"] == 1.0
    (failure,) = summary["failures"]
    assert failure["case"] == "unstated"
    assert "add its lines, or one with its UID alone" in failure["reason"]
    assert report.count("<polyline") == 1


class Sixty(torch.nn.Module):
    """Sixty boxes that are nothing at 0.9, and what is bright at 0.1."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        rows = torch.nonzero((x[0, 0] > 0.5).any(dim=1)).flatten()
        columns = torch.nonzero((x[0, 0] > 0.5).any(dim=0)).flatten()
        boxes = torch.tensor([[0.0, 50.0, 4.0, 54.0]]).repeat(60, 1)
        scores = torch.full((60,), 0.9)
        if bool(rows.numel() > 0):
            box = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            boxes = torch.cat([boxes, box.float()[None]])
            scores = torch.cat([scores, torch.full((1,), 0.1)])
        labels = torch.ones((boxes.shape[0],), dtype=torch.int64)
        return {"boxes": boxes, "labels": labels, "scores": scores}


def test_boxes_that_results_leave_out_are_measured_too(storage: Storage, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    uid = written(cases, "a")
    empty = written(cases, "b", pixels=np.full((240, 320), 200, np.uint16))
    stated(cases, f"{uid},Bright part,{','.join(map(str, PART))}", f"{empty},,,,,")
    model = script(write_card(tmp_path / "m", image_card("object-detection")), Sixty())
    summary = evaluated(storage, model, cases)[0].summary()
    of_a, of_b = summary["cases"]
    assert of_a["scores_of_found"] == pytest.approx([0.1])
    assert [len(one["scores_of_false_positives"]) for one in (of_a, of_b)] == [60, 60]
    assert summary["metrics"]["sensitivity_at_2"] == 0.0


@pytest.mark.parametrize(
    ("line", "says", "remedy"),
    [
        ("UID,Brigth part,1,2,3,4", "Line 2 .*did you mean 'Bright part'", "It knows Bright"),
        ("1.2.3,Bright part,1,2,3,4", 'Line 2 .* image "1.2.3", and no case', "SOP Instance UID"),
        ("UID,Bright part,1,2,x,4", 'Line 2 of boxes.csv has "x" for x1', "stored pixels"),
        ("UID,Bright part,1,2,,4", 'Line 2 of boxes.csv has "" for x1', "stored pixels"),
        ("UID,Bright part,3,2,1,4", "has 3 for x0 and 1 for x1", "left and top first"),
        ("UID,Bright part,1,2,321,4", "has 321 for x1, and the image 320 columns", "as they are"),
        ("UID,Bright part,1,-2,3,4", "has -2 for y0, and the image 240 rows", "as they are"),
        ("UID,Bright part,1,2,3", "has 5 values, and the heading 6", "the UID alone"),
        ("UID,Bright part,1,2,3,4\nUID", "Line 3 .* names an image again", "Give an image, or a"),
    ],
)
def test_a_table_of_boxes_that_cannot_be_used_names_row_value_and_remedy(
    tmp_path: Path, line: str, says: str, remedy: str
) -> None:
    stated(tmp_path, line.replace("UID", written(tmp_path, "a")))
    with pytest.raises(InvalidRequest, match=says) as raised:
        read_box_reference(tmp_path, ["Bright part"])
    assert remedy in raised.value.remedy


def test_without_a_table_or_its_heading_it_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"has no boxes\.csv") as raised:
        read_box_reference(tmp_path, ["Bright part"])
    assert "image,label,x0,y0,x1,y1" in raised.value.remedy
    (tmp_path / "boxes.csv").write_text("image,label,x,y\n")
    with pytest.raises(InvalidRequest, match=r"Line 1 of boxes\.csv is not the heading"):
        read_box_reference(tmp_path, ["Bright part"])


def written_cine(cases: Path) -> str:
    """A case of one cine of six frames; its UID."""
    (cases / "cine").mkdir(parents=True)
    dataset = ultrasound("cine", beating())
    builders.write([dataset], cases / "cine")
    return str(dataset.SOPInstanceUID)


def test_frames_of_a_cine_are_images_of_their_own(storage: Storage, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    uid = written_cine(cases)
    (cases / "boxes.csv").write_text(
        "image,frame,label,x0,y0,x1,y1\n"
        f"{uid},2,Bright part,20,10,60,30\n"
        f"{uid},4,Bright part,20,10,60,40\n"
        f"{uid},6,Bright part,0,50,40,60\n"  # The bright part lies elsewhere.
        f"{uid},5,,,,,\n"
    )
    model = bright_detector(
        tmp_path / "m", image={"channels": 1}, modalities=["US"], frames={"at_most": 2}
    )
    evaluation, _ = evaluated(storage, model, cases)
    assert not evaluation.failed
    found = evaluation.summary()["boxes"]["Bright part"]
    # Frame 3, in which the model finds a box, is not stated, and not measured.
    assert (found["images"], found["boxes"]) == (4.0, 3.0)
    assert found["sensitivity_at_2"] == pytest.approx(2 / 3)
    assert len(evaluation.summary()["cases"][0]["scores_of_false_positives"]) == 1


@pytest.mark.parametrize(
    ("line", "says", "remedy"),
    [
        ("UID,,Bright part,1,2,3,4", "Line 2 .* states no frame, and the image has 6", "from 1"),
        ("UID,7,Bright part,1,2,3,4", 'has "7" for frame, and the image 6', "from 1"),
        ("UID,0,Bright part,1,2,3,4", 'has "0" for frame', "from 1"),
        ("UID\nUID,3,Bright part,1,2,3,4", "Line 3 .* names an image again", "or a frame"),
    ],
)
def test_a_frame_that_cannot_be_meant_is_refused(
    tmp_path: Path, line: str, says: str, remedy: str
) -> None:
    lines = line.replace("UID", written_cine(tmp_path))
    (tmp_path / "boxes.csv").write_text(f"image,frame,label,x0,y0,x1,y1\n{lines}\n")
    with pytest.raises(InvalidRequest, match=says) as raised:
        read_box_reference(tmp_path, ["Bright part"])
    assert remedy in raised.value.remedy


def test_a_card_of_boxes_has_a_gate_unless_it_compares_with_a_prior() -> None:
    gate = {"sensitivity_at_0.5_lower": {"at_least": 0.7}}
    card = json.loads(json.dumps(image_card("object-detection", frames={}) | {"gate": gate}))
    assert [one.text for one in ImageCard.model_validate(card).thresholds] == ["at least 0.7"]
    card["prior"] = {"within_days": 400}
    with pytest.raises(ValueError, match="none yet of object-detection with a prior"):
        ImageCard.model_validate(card)
