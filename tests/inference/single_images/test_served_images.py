"""Models of single images that a model server computes, by the Open Inference Protocol."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.model_registry.adding import add_model
from inference.pipeline import ImageResult
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.inference.films import (
    bright_classifier,
    bright_segmenter,
    film,
    image_card,
    ultrasound,
    write_card,
)
from tests.inference.model_servers.servers import infers, serving
from tests.inference.single_images.support import analysed, decided

IMAGE = {"name": "x", "shape": [1, 1, 60, 80]}
LABELS = {"name": "y", "shape": [1, 2]}
PLANES = {"name": "y", "shape": [-1, 2, -1, -1]}


def served_card(folder: Path, output: str, scores: dict[str, Any], **model: Any) -> Path:
    served = {"server": "triton", "model": "bright", "input": IMAGE, "output": scores}
    card = image_card(output, name="Served bright part", **model)
    return write_card(folder, {**card, "served": served})


def metadata(scores: dict[str, Any]) -> dict[str, Any]:
    stated = {"name": "bright", "versions": ["1"], "platform": "none"}
    return {
        **stated,
        "inputs": [{**IMAGE, "datatype": "FP32"}],
        "outputs": [{**scores, "datatype": "FP32"}],
    }


def at(storage: Storage, url: str) -> Storage:
    changed = load_settings(
        data_dir=storage.settings.data_dir,
        free_disk_mark_bytes=0,
        model_servers=f"triton={url}",
    )
    return dataclasses.replace(storage, settings=changed)


def labels(values: NDArray[Any]) -> NDArray[Any]:
    """As `bright_classifier` computes it."""
    bright = 10.0 * values.mean(axis=(1, 2, 3)) - 1.0
    return np.stack([np.zeros_like(bright), bright], axis=1)


def planes(values: NDArray[Any]) -> NDArray[Any]:
    """As `bright_segmenter` computes it."""
    bright = 20.0 * (values - 0.5)
    return np.concatenate([-bright, bright], axis=1)


def test_a_film_and_the_frames_of_a_cine_are_classified_as_here(
    storage: Storage, tmp_path: Path
) -> None:
    many = {"heat_map": {"grid": 3}, "frames": {"at_most": 3}, "modalities": ["DX", "US"]}
    frames = np.random.default_rng(3).integers(0, 200, (5, 48, 64), np.uint8)
    images = (film("one"), ultrasound("cine", frames))
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "here", **many),
        "petra",
    )
    here = analysed(storage, *images)
    with serving(infers(labels, metadata(LABELS))) as server:
        node = at(storage, server.url)
        folder = served_card(tmp_path / "there", "image-classification", LABELS, **many)
        assert (
            add_model(
                node.settings, node.model_states, node.shadow_runs, folder, "petra"
            ).standing.state
            == "active"
        )
        there = analysed(node, *images, name="model-served-bright-part")
    assert [confidences(one) for one in there] == [
        pytest.approx(confidences(one), abs=1e-6) for one in here
    ]
    assert here[0].heat is not None
    np.testing.assert_allclose(there[0].heat, here[0].heat, atol=1e-6)


def confidences(result: ImageResult) -> list[float]:
    return [one.confidence for one in result.classifications]


def test_a_mask_is_pixel_by_pixel_that_of_the_same_network_here(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_segmenter(tmp_path / "here"),
        "petra",
    )
    (here,) = analysed(storage, film("mask"))
    with serving(infers(planes, metadata(PLANES))) as server:
        node = at(storage, server.url)
        add_model(
            node.settings,
            node.model_states,
            node.shadow_runs,
            served_card(tmp_path / "there", "image-segmentation", PLANES),
            "petra",
        )
        (there,) = analysed(node, film("mask"), name="model-served-bright-part")
    assert here.masks is not None
    assert np.count_nonzero(here.masks)
    np.testing.assert_array_equal(there.masks, here.masks)


def test_an_image_with_a_name_in_its_pixels_is_not_taken(storage: Storage, tmp_path: Path) -> None:
    with serving(infers(labels, metadata(LABELS))) as server:
        node = at(storage, server.url)
        add_model(
            node.settings,
            node.model_states,
            node.shadow_runs,
            served_card(tmp_path / "m", "image-classification", LABELS),
            "petra",
        )
        decision = decided(
            node, film("burned", BurnedInAnnotation="YES"), name="model-served-bright-part"
        )
    assert not decision.accepted
    assert "text is burned into it (0028,0301)" in decision.reason


def test_detectors_are_not_served_yet(storage: Storage, tmp_path: Path) -> None:
    folder = served_card(tmp_path / "m", "object-detection", PLANES)
    with pytest.raises(InvalidRequest, match="no boxes yet"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
