"""A segmentation of images on cases of which a table names the masks, and what a gate may ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.evaluation.images.mask_measures import (
    mask_agreement,
    metrics_of_masks,
    metrics_of_segment,
)
from inference.evaluation.images.mask_reference import read_mask_reference
from inference.evaluation.images.mask_report import render_masks
from inference.evaluation.images.masks import MaskEvaluation, evaluate_masks
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.films import bright_segmenter, film, ultrasound
from tests.inference.orchestration import storage_in
from tests.inference.single_images.cines import COLUMNS, ROWS, beating, region
from tests.inference.single_images.support import PIPELINE


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def mask(top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_]:
    found = np.zeros((ROWS, COLUMNS), np.bool_)
    found[top:bottom, left:right] = True
    return found


def png(path: Path, drawn: NDArray[np.bool_], mode: str = "L") -> None:
    Image.fromarray(drawn.astype(np.uint8) * 255).convert(mode).save(path)


def written(cases: Path, name: str, frames: NDArray[np.uint8], **attributes: Any) -> str:
    """A case of one ultrasound image or cine; its UID."""
    (cases / name).mkdir(parents=True)
    dataset = ultrasound(name, frames, **attributes)
    builders.write([dataset], cases / name)
    return str(dataset.SOPInstanceUID)


def evaluated(storage: Storage, folder: Path, cases: Path, **changes: Any) -> MaskEvaluation:
    card = {"image": {"channels": 1}, "modalities": ["US"], **changes}
    model = bright_segmenter(folder, **card)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert isinstance(pipeline, ImageModelPipeline)
    evaluation = evaluate_masks(storage.settings, pipeline, cases)
    assert "Evaluation of" in render_masks(evaluation, pipeline.card.gate)
    return evaluation


def test_masks_are_compared_in_stored_pixels_and_in_millimetres_where_they_have_a_size(
    storage: Storage, tmp_path: Path
) -> None:
    cases = tmp_path / "cases"
    bright = beating()[3]  # Rows 10 to 39, columns 20 to 59.
    inside = {"SequenceOfUltrasoundRegions": [region(0, ROWS - 1)]}
    same = written(cases, "same", bright, **inside)
    lower = written(cases, "lower", bright, **inside)
    empty = written(cases, "nothing", np.tile(np.arange(80, dtype=np.uint8), (60, 1)), **inside)
    written(cases, "unstated", bright, **inside)
    png(cases / "upper.png", mask(10, 20, 20, 60))
    png(cases / "rest.png", mask(20, 40, 20, 60), "1")
    png(cases / "lower.png", mask(20, 50, 20, 60))
    (cases / "masks.csv").write_text(
        "image,label,mask\n"
        f"{same},Bright part,upper.png\n{same},Bright part,rest.png\n"
        f"{lower},Bright part,lower.png\n{empty},,\n"
    )
    evaluation = evaluated(storage, tmp_path / "m", cases)
    summary = evaluation.summary()
    found = summary["segments"]["Bright part"]
    # Twenty of thirty rows are common.
    assert found["dice"] == pytest.approx((1 + 2 / 3) / 2)
    assert (found["images"], found["images_with_it"]) == (3.0, 2.0)
    # Ten rows of 0.25 mm apart above and below.
    assert found["hausdorff95_mm"] == pytest.approx((0 + 2.5) / 2)
    assert 0.5 < found["surface_dice"] < 1.0
    assert summary["metrics"]["dice_minimum"] == pytest.approx(2 / 3)
    assert summary["metrics"]["dice_lower"] == pytest.approx(2 / 3)
    (failure,) = summary["failures"]
    assert failure["case"] == "unstated"
    assert "masks.csv does not state the image" in failure["reason"]


def test_without_a_size_of_the_pixels_of_every_image_there_is_no_distance(
    storage: Storage, tmp_path: Path
) -> None:
    cases = tmp_path / "cases"
    uids = [
        written(cases, "sized", beating()[3], SequenceOfUltrasoundRegions=[region(0, ROWS - 1)]),
        written(cases, "unsized", beating()[3]),
    ]
    png(cases / "m.png", mask(10, 40, 20, 60))
    lines = "".join(f"{uid},Bright part,m.png\n" for uid in uids)
    (cases / "masks.csv").write_text(f"image,label,mask\n{lines}")
    metrics = evaluated(storage, tmp_path / "m", cases).summary()["metrics"]
    assert metrics["dice"] == 1.0
    assert metrics.keys() & {"hausdorff95_mm", "surface_dice", "dice_lower"} == set()


def test_frames_of_a_cine_are_measured_as_far_as_the_table_states_them(
    storage: Storage, tmp_path: Path
) -> None:
    cases = tmp_path / "cases"
    uid = written(cases, "cine", beating())
    png(cases / "2.png", mask(10, 30, 20, 60))
    png(cases / "4.png", mask(10, 40, 20, 40))
    png(cases / "5.png", mask(0, 10, 0, 10))
    (cases / "masks.csv").write_text(
        "image,frame,label,mask\n"
        f"{uid},2,Bright part,2.png\n{uid},4,Bright part,4.png\n{uid},5,Bright part,5.png\n"
        f"{uid},6,,\n"
    )
    evaluation = evaluated(storage, tmp_path / "m", cases, frames={"at_most": 2})
    found = evaluation.summary()["segments"]["Bright part"]
    # All of frame 2, half of what is marked on frame 4, nothing on 5, and on 6 what is not there.
    assert [one.dice for one in evaluation.measured] == pytest.approx([1.0, 2 / 3, 0.0, 0.0])
    assert (found["missed"], found["false_positives"], found["images"]) == (1.0, 1.0, 4.0)


def test_the_interval_of_the_mean_dice_is_over_cases() -> None:
    true, half = mask(10, 20, 0, 30), mask(15, 25, 0, 30)
    # One case of many images alike says no more than one of a single image.
    one = [mask_agreement("a", "x", true, true, None)] * 50
    other = [mask_agreement("b", "x", half, true, None)]
    segment = metrics_of_segment([*one, *other])
    assert (segment["dice_lower"], segment["dice_upper"]) == (0.5, 1.0)
    assert segment["dice"] == pytest.approx((50 + 0.5) / 51)
    assert metrics_of_masks([segment, {"dice": 0.2}]) == {
        "dice": pytest.approx((segment["dice"] + 0.2) / 2)
    }


@pytest.mark.parametrize(
    ("line", "says", "remedy"),
    [
        ("UID,Bright part,missing.png", 'Line 2 .* the mask "missing.png"', "path of a PNG"),
        ("UID,Bright part,", 'Line 2 .* the mask ""', "path of a PNG"),
        ("UID,Bright part,small.png", "of 10 rows and 20 columns", "as they are stored"),
        ("UID,Bright part,colour.png", "colour.png, which is in colour", "in grey"),
        ("UID,Bright part,masks.csv", "masks.csv is not a readable PNG", "in grey"),
        ("UID,Brigth part,small.png", "did you mean 'Bright part'", "It knows"),
    ],
)
def test_a_table_of_masks_that_cannot_be_used_names_row_value_and_remedy(
    tmp_path: Path, line: str, says: str, remedy: str
) -> None:
    (tmp_path / "a").mkdir()
    dataset = film("a")
    builders.write([dataset], tmp_path / "a")
    png(tmp_path / "small.png", np.ones((10, 20), np.bool_))
    png(tmp_path / "colour.png", np.ones((240, 320), np.bool_), "RGB")
    (tmp_path / "masks.csv").write_text(
        f"image,label,mask\n{line.replace('UID', str(dataset.SOPInstanceUID))}\n"
    )
    with pytest.raises(InvalidRequest, match=says) as raised:
        read_mask_reference(tmp_path, ["Bright part"])
    assert remedy in raised.value.remedy
