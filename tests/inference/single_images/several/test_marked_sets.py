"""Masks and heat maps in each of several images that a model is given at once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.single_images.card import ImageCard
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.films import script
from tests.inference.results_support import complaints, save
from tests.inference.single_images.several.test_several_images import (
    FOUR,
    PIPELINE,
    added,
    card,
    decisions,
    done,
    expected,
    four,
    view,
)
from tests.inference.single_images.support import objects

# Of each view: where it is bright, as left, top, right, bottom.
PLACES = {
    "rcc": (10, 20, 40, 60),
    "lcc": (50, 30, 90, 50),
    "rmlo": (70, 100, 150, 220),
    "lmlo": (0, 0, 30, 12),
}


def marked(kind: str, number: int, **changes: Any) -> Dataset:
    one = view(kind, 400, number, **changes)
    pixels = one.pixel_array.copy()
    left, top, right, bottom = PLACES[kind]
    pixels[top:bottom, left:right] = 3500
    one.PixelData = pixels.tobytes()
    return one


def segmenting(folder: Path, *, in_one_axis: bool) -> Path:
    """TorchScript: what is bright in each image, in every second class of it."""
    import torch

    class Bright(torch.nn.Module):
        def __init__(self, in_one_axis: bool) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(20.0))
            self.in_one_axis = in_one_axis

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = (x - 0.5) * self.scale
            found = torch.stack([torch.zeros_like(logits), logits], dim=2)
            return found.flatten(1, 2) if self.in_one_axis else found

    folder.mkdir(parents=True)
    return script(folder, Bright(in_one_axis))


def segmentation_card() -> dict[str, Any]:
    stated = card()
    stated["model"] = {
        **stated["model"],
        "output": "image-segmentation",
        "labels": {"0": "background", "1": "Suspicious"},
        "image": {
            "channels": 1,
            "orientation": ["A", "F"],
            "resize": {"size": [240, 160], "fit": "pad"},
        },
    }
    return stated


def run_of(storage: Storage, *images: Dataset) -> Job:
    (job_id,) = {one.job_id for one in decisions(storage, *images) if one.accepted}
    return done(storage, job_id)


@pytest.mark.parametrize("in_one_axis", [False, True])
def test_each_view_gets_the_mask_of_what_the_model_marked_in_it(
    storage: Storage, tmp_path: Path, in_one_axis: bool
) -> None:
    folder = segmenting(tmp_path / "m", in_one_axis=in_one_axis)
    (folder / "mediview.json").write_text(json.dumps(segmentation_card()))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    # Left views are sent the other way round, and turned for the model; one is missing.
    kinds = ["rcc", "lcc", "rmlo"] if in_one_axis else list(PLACES)
    views = {}
    for number, kind in enumerate(kinds, start=1):
        turned = {"PatientOrientation": ["P", "F"]} if kind[0] == "l" else {}
        one = marked(kind, number, **turned)
        views[str(one.SOPInstanceUID)] = one
    job = run_of(storage, *views.values())
    masks = {
        str(
            one.PerFrameFunctionalGroupsSequence[0]
            .DerivationImageSequence[0]
            .SourceImageSequence[0]
            .ReferencedSOPInstanceUID
        ): one
        for one in objects(storage, job, "SEG")
    }
    assert set(masks) == set(views)
    for uid, one in views.items():
        np.testing.assert_array_equal(
            np.squeeze(masks[uid].pixel_array) > 0, one.pixel_array > 2048
        )
    shares = {
        one.image.sop_instance_uid: one.value
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.label == "Suspicious share of the image"
    }
    for uid, one in views.items():
        assert shares[uid] == pytest.approx(100 * (one.pixel_array > 2048).mean(), abs=1e-3)
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    absent = [one for one in job.result["notes"] if "left MLO is not there" in one]
    assert bool(absent) == in_one_axis


def test_each_view_has_a_heat_map_of_the_answer_about_all(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "m", model={**card()["model"], "heat_map": {"grid": 2}})
    views = four()
    job = run_of(storage, *views)
    kinds = {
        str(one.SOPInstanceUID): f"{one.ImageLaterality}{one.ViewPosition}".lower() for one in views
    }
    found = storage.findings.of_job(job.job_id)
    (answer,) = [one for one in found if one.label == "Not suspicious"]
    assert answer.image is None
    of_images = {kinds[one.image.sop_instance_uid]: one for one in found if one.image is not None}
    assert set(of_images) == set(FOUR)
    for kind, one in of_images.items():
        assert one.label.startswith("Not suspicious, fall without ")
        without = expected(**{other: grey for other, grey in FOUR.items() if other != kind})
        assert one.value == pytest.approx(100 * (without - expected(**FOUR)), abs=0.05)
        assert one.heat_map is not None
        part = expected(**{**FOUR, kind: 0.75 * FOUR[kind]}) - expected(**FOUR)
        np.testing.assert_allclose(one.heat_map.values, part, atol=5e-4)
        # From the first to the last pixel of the image that was sent.
        a, _, _, d, e, f = one.heat_map.image_from_grid
        columns, rows = (one.heat_map.column_edges, one.heat_map.row_edges)
        assert [a * columns[0] + e, a * columns[-1] + e] == pytest.approx([0, 160])
        assert [d * rows[0] + f, d * rows[-1] + f] == pytest.approx([0, 240])
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []
    assert job.pipeline == PIPELINE


def test_a_heat_map_of_the_network_itself_is_of_one_image() -> None:
    asked = {"output": "cam", "meaning": "Grad-CAM of the last block."}
    with pytest.raises(ValueError, match="in several images is by its grid"):
        ImageCard.model_validate({**card(), "model": {**card()["model"], "heat_map": asked}})
