"""Heat maps that a network gives by itself: bounded, and exactly placed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.model_registry.adding import add_model
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.films import film, image_card, script, vit, write_card
from tests.inference.single_images.heat_maps.heated import MEANING, heated
from tests.inference.single_images.support import analysed, done, heat_of


def add(storage: Storage, folder: Path) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


@pytest.mark.parametrize(
    ("form", "output"), [("dictionary", "cam"), ("tuple", "1"), ("onnx", "cam")]
)
def test_it_lies_where_the_network_saw_what_it_is_of(
    storage: Storage, tmp_path: Path, form: str, output: str
) -> None:
    add(storage, heated(tmp_path / "m", form, output))
    pixels = np.full((240, 320), 1200, np.uint16)
    pixels[80:120, 160:240] = 4000
    # Sent on its head: the network sees it turned by half.
    dataset = film("own", pixels=pixels, PatientOrientation=["R", "H"])
    job = done(storage, dataset)
    found = {one.label: one for one in storage.findings.of_job(job.job_id)}
    heat_map = found["Bright part"].heat_map
    assert heat_map is not None
    assert (heat_map.method, heat_map.meaning) == ("model", MEANING)
    assert (len(heat_map.values), len(heat_map.values[0])) == (6, 8)
    (result,) = analysed(storage, dataset)
    # A pixel of the map is 40 × 40 of the film.
    grey = (pixels - 2047.5) / 4095 + 0.5
    expected = grey.reshape(6, 40, 8, 40).mean(axis=(1, 3)).repeat(40, 0).repeat(40, 1)
    np.testing.assert_allclose(heat_of(result), expected, atol=0.03)


def test_a_fine_one_is_kept_in_parts_of_which_each_is_its_mean(
    storage: Storage, tmp_path: Path
) -> None:
    """Of 200 by 300 pixels, which no finding would hold for a hundred images."""
    import torch

    class Itself(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            bright = 10.0 * x.mean(dim=(1, 2, 3)) - 1.0
            return torch.stack([torch.zeros_like(bright), bright], dim=1), x[:, 0]

    image = {"channels": 1, "resize": {"size": [200, 300]}}
    heat_map = {"output": "1", "meaning": MEANING}
    card = image_card("image-classification", image=image, heat_map=heat_map)
    add(storage, script(write_card(tmp_path / "m", card), Itself()))
    pixels = np.random.default_rng(4).integers(800, 4000, (200, 300)).astype(np.uint16)
    (result,) = analysed(storage, film("fine", pixels=pixels))
    assert result.heated is not None
    assert result.heated.heat_map is not None
    values = np.array(result.heated.heat_map.values)
    assert values.shape == (64, 64)
    grey = (pixels - 2047.5) / 4095 + 0.5
    rows, columns = result.heated.heat_map.row_edges, result.heated.heat_map.column_edges
    for part in ((0, 0), (17, 40), (63, 63)):
        here = grey[
            round(rows[part[0]]) : round(rows[part[0] + 1]),
            round(columns[part[1]]) : round(columns[part[1] + 1]),
        ]
        assert values[part] == pytest.approx(here.mean(), abs=1e-4)


@pytest.mark.parametrize(
    ("output", "says"),
    [("saliency", "gives no output saliency.*cam, logits"), ("logits", "heat map of shape")],
)
def test_a_model_without_the_output_that_its_card_names_is_not_activated(
    storage: Storage, tmp_path: Path, output: str, says: str
) -> None:
    with pytest.raises(ModelUnusable, match=says):
        add(storage, heated(tmp_path / "m", "dictionary", output))


@pytest.mark.parametrize(
    ("heat_map", "says"),
    [
        ({"grid": 4}, "either a grid or an output"),
        ({"meaning": " "}, "comes with its meaning"),
    ],
)
def test_a_card_that_says_too_much_or_too_little_is_refused(
    storage: Storage, tmp_path: Path, heat_map: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        add(storage, heated(tmp_path / "m", "tuple", "1", **heat_map))


def test_a_hugging_face_model_has_none(storage: Storage, tmp_path: Path) -> None:
    folder = vit(tmp_path / "vit", heat_map={"output": "cam", "meaning": MEANING})
    with pytest.raises(InvalidRequest, match="Hugging Face model gives none"):
        add(storage, folder)
