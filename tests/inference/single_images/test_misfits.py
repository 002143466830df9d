"""A card that does not fit its network is refused with what does not, and NaN is no result."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.model_registry.adding import add_model
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.films import bright_classifier, film, image_card, script, write_card
from tests.inference.single_images.several.test_marked_sets import segmentation_card
from tests.inference.single_images.support import decided, done


class Classes(torch.nn.Module):
    """Convolution over `channels`, one number for each class."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.seen = torch.nn.Conv2d(channels, classes, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.seen(x).mean(dim=(2, 3))
        return found


def add(storage: Storage, folder: Path) -> str:
    """Why it was not verified; empty where it was."""
    try:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    except (ModelUnusable, InvalidRequest) as error:
        return f"{error.message} {error.remedy}"
    return ""


def named(count: int) -> dict[str, str]:
    return {str(value): f"Disease {value}" for value in range(count)}


@pytest.mark.parametrize(
    ("classes", "labels", "why"),
    [
        (15, named(14), "gives 15 classes, 0 to 14; its card names 14, does not name 14."),
        (
            3,
            named(4),
            "gives 3 classes, 0 to 2; its card names 4, names 3 “Disease 3” beside these.",
        ),
        (3, {"1": "A", "2": "B", "3": "C"}, "names no class 0; classes count from 0"),
    ],
)
def test_labels_that_are_not_the_networks_classes_are_named(
    storage: Storage, tmp_path: Path, classes: int, labels: dict[str, str], why: str
) -> None:
    card = {**image_card("image-classification", labels=labels), "segments": {}}
    folder = script(write_card(tmp_path / "m", card), Classes(1, classes))
    assert why in add(storage, folder)


def test_another_number_of_channels_is_named(storage: Storage, tmp_path: Path) -> None:
    card = image_card("image-classification")
    folder = script(write_card(tmp_path / "m", card), Classes(3, 2))
    why = add(storage, folder)
    assert "takes 3 channels, and its card gives it 1." in why
    assert "model.image.channels 3" in why


@pytest.mark.parametrize(
    ("modality", "why"),
    [
        ("dx", '"dx" is not how DICOM writes that modality: "DX"'),
        ("X-ray", "not a modality: two to eight"),
    ],
)
def test_a_modality_in_lower_case_is_named(
    storage: Storage, tmp_path: Path, modality: str, why: str
) -> None:
    assert why in add(storage, bright_classifier(tmp_path / "m", modalities=[modality]))


class Shaped(torch.nn.Module):
    """Brightness, in channels of that shape before rows and columns."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape
        self.scale = torch.nn.Parameter(torch.tensor(20.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = (x.mean(dim=1) - 0.5) * self.scale
        count = 1
        for one in self.shape:
            count *= one
        sides = torch.stack([-bright if n % 2 == 0 else bright for n in range(count)], dim=1)
        return sides.reshape(self.shape + x.shape[2:])


def test_a_segmentation_of_one_image_may_have_an_axis_of_images(
    storage: Storage, tmp_path: Path
) -> None:
    folder = write_card(tmp_path / "m", image_card("image-segmentation"))
    assert add(storage, script(folder, Shaped(1, 1, 2))) == ""
    job = done(storage, film("bright corner"))
    assert {one["kind"] for one in job.result["instances"]} >= {"SEG"}


@pytest.mark.parametrize("shape", [(2, 2), (1, 2, 2), (2,)])
def test_a_segmentation_whose_shape_no_run_could_read_is_not_verified(
    storage: Storage, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    folder = write_card(tmp_path / "m", image_card("image-segmentation"))
    why = add(storage, script(folder, Shaped(*shape)))
    assert f"array of shape {(*shape, 60, 80)}" in why


@pytest.mark.parametrize("shape", [(1, 9), (1, 5, 2), (2, 8), (2, 4, 2)])
def test_of_several_images_it_is_not_verified_either(
    storage: Storage, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """Two classes of four images are eight channels."""
    (folder := tmp_path / "m").mkdir()
    (folder / "mediview.json").write_text(json.dumps(segmentation_card()))
    why = add(storage, script(folder, Shaped(*shape)))
    assert f"array of shape {(*shape, 240, 160)}" in why


class BrightOrNothing(torch.nn.Module):
    """Fails at what is mostly white: its answer, or its heat map alone, is NaN there."""

    def __init__(self, fails: str) -> None:
        super().__init__()
        self.answer_fails = fails == "answer"

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = x.mean(dim=(1, 2, 3))
        bad = torch.where(mean > 0.9, torch.full_like(mean, float("nan")), torch.zeros_like(mean))
        bright = 10.0 * mean - 1.0
        if self.answer_fails:
            bright = bright + bad
        return torch.stack([torch.zeros_like(bright), bright], dim=1), x[:, 0] + bad[:, None, None]


def white(storage: Storage, tmp_path: Path, fails: str) -> Any:
    heat_map = {"output": "1", "meaning": "Grad-CAM of the last block."}
    card = image_card("image-classification", heat_map=heat_map)
    folder = script(write_card(tmp_path / "m", card), BrightOrNothing(fails))
    assert add(storage, folder) == ""
    return film("white", pixels=np.full((240, 320), 4090, np.uint16))


def test_a_heat_map_of_no_numbers_is_left_out_and_the_answer_stands(
    storage: Storage, tmp_path: Path
) -> None:
    job = done(storage, white(storage, tmp_path, "heat map"))
    found = storage.findings.of_job(job.job_id)
    assert {one.label for one in found} == {"Dark", "Bright part"}
    assert all(one.heat_map is None for one in found)
    (note,) = [one for one in job.result["notes"] if "heat map" in one]
    assert "with what is no number" in note


def test_an_answer_of_no_numbers_fails_the_job_with_that_reason(
    storage: Storage, tmp_path: Path
) -> None:
    from inference.worker.run import run_job

    decision = decided(storage, white(storage, tmp_path, "answer"))
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert "answers this image with what is no number (NaN or infinite)" in job.reason
