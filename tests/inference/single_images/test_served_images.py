"""Models of single images that a model server computes, by the Open Inference Protocol."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.model_registry.adding import add_model
from inference.models.model_cache import WARM
from inference.pipeline import ImageResult
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.inference.films import (
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    image_card,
    ultrasound,
    write_card,
)
from tests.inference.model_servers.grpc_servers import infers as infers_grpc
from tests.inference.model_servers.grpc_servers import serving as serving_grpc
from tests.inference.model_servers.servers import infers, serving
from tests.inference.single_images.heat_maps.heated import heated
from tests.inference.single_images.support import analysed, decided, heat_of

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
    np.testing.assert_allclose(heat_of(there[0]), heat_of(here[0]), atol=1e-6)


def test_a_heat_map_of_the_server_is_that_of_the_same_network_here(
    storage: Storage, tmp_path: Path
) -> None:
    """Channels last, and on a grid of its own; only where the card asks for it."""
    asked = {"output": "cam", "meaning": "Brightness."}
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        heated(tmp_path / "here", "dictionary", "cam"),
        "petra",
    )
    dataset = film("own-heat", pixels=np.full((240, 320), 1200, np.uint16))
    dataset.PixelData = np.tile(np.linspace(900, 3900, 320), (240, 1)).astype("<u2").tobytes()
    (here,) = analysed(storage, dataset)
    cam = {"name": "cam", "shape": [-1, -1, -1, 2], "layout": "NHWC"}

    def both(values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        heat = values.reshape(len(values), 6, 10, 8, 10).mean(axis=(2, 4))
        return {"y": labels(values), "cam": np.stack([-heat, heat], axis=-1)}

    stated = metadata(LABELS)
    stated["outputs"].append({"name": "cam", "datatype": "FP32", "shape": [-1, 6, 8, 2]})
    with serving(infers(both, stated)) as server:
        node = at(storage, server.url)
        folder = served_card(
            tmp_path / "there",
            "image-classification",
            LABELS,
            heat_map=asked,
            image={"channels": 1, "resize": {"size": [60, 80]}},
        )
        card = json.loads((folder / "mediview.json").read_text())
        with pytest.raises(InvalidRequest, match=r"served\.heat_map is the tensor"):
            add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
        card["served"]["heat_map"] = cam
        write_card(folder, card)
        add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
        (there,) = analysed(node, dataset, name="model-served-bright-part")
    np.testing.assert_allclose(heat_of(there), heat_of(here), rtol=1e-4)


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


BOXES: list[dict[str, Any]] = [
    {"name": "b", "datatype": "FP32", "shape": [-1, 4]},
    {"name": "l", "datatype": "INT64", "shape": [-1]},
    {"name": "s", "datatype": "FP32", "shape": [-1]},
]
DETECTIONS = dict(zip(("boxes", "labels", "scores"), BOXES, strict=True))


def around(values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """As `bright_detector` computes it."""
    bright = values[0, 0] > 0.5
    if not bright.any():
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    return np.array([box]), np.ones(1), values[0, 0][bright].mean()[None]


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    """Cards of these tests have one name, and what a process has loaded stays."""
    WARM.forget_all()


def detector_card(folder: Path, **served: Any) -> Path:
    stated = {"server": "triton", "model": "bright", "input": IMAGE, "detections": DETECTIONS}
    card = image_card("object-detection", name="Served bright part")
    return write_card(folder, {**card, "served": {**stated, **served}})


@pytest.mark.parametrize("way", ["http", "http without bytes", "grpc"])
def test_a_detectors_boxes_are_those_of_the_same_network_here(
    storage: Storage, tmp_path: Path, way: str
) -> None:
    here_folder = bright_detector(tmp_path / "here")
    add_model(storage.settings, storage.model_states, storage.shadow_runs, here_folder, "petra")
    (here,) = analysed(storage, film("boxed"))
    stated = {**metadata(LABELS), "outputs": BOXES}
    running = (
        serving_grpc(infers_grpc(around, stated))
        if way == "grpc"
        else serving(infers(around, stated, binary=way == "http"))
    )
    with running as server:
        node = at(storage, server.url)
        folder = detector_card(tmp_path / "there")
        added = add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
        assert added.standing.state == "active"
        (there,) = analysed(node, film("boxed"), name="model-served-bright-part")
    assert len(here.boxes) == 1
    assert [one.corners for one in there.boxes] == [one.corners for one in here.boxes]
    assert [one.confidence for one in there.boxes] == [
        pytest.approx(one.confidence, abs=1e-5) for one in here.boxes
    ]


def test_more_scores_than_boxes_are_no_result(storage: Storage, tmp_path: Path) -> None:
    is_lying = True

    def lying(values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        boxes, labels, scores = around(values)
        return boxes, labels, np.repeat(scores, 2) if is_lying else scores

    stated = {**metadata(LABELS), "outputs": BOXES}
    with serving(infers(lying, stated)) as server:
        node = at(storage, server.url)
        registry = (node.settings, node.model_states, node.shadow_runs)
        with pytest.raises(ModelUnusable, match="failed at this image"):
            add_model(*registry, detector_card(tmp_path / "lies"), "petra")
        # One that begins to lie once it was verified.
        is_lying = False
        add_model(*registry, detector_card(tmp_path / "m"), "petra")
        is_lying = True
        with pytest.raises(ModelUnusable, match="failed at this image"):
            analysed(node, film("boxed"), name="model-served-bright-part")


@pytest.mark.parametrize(
    ("served", "says"),
    [
        ({"detections": None, "output": PLANES}, "detections is of object-detection"),
        ({"output": PLANES}, "either output or detections"),
        (
            {"detections": {**DETECTIONS, "boxes": {"name": "b", "shape": [-1, 5]}}},
            r"detections.boxes has a shape such as \[-1, 4\]",
        ),
        (
            {"detections": {**DETECTIONS, "scores": {"name": "s", "shape": [2, -1]}}},
            "detections.scores is of one image",
        ),
        ({"detections": {**DETECTIONS, "labels": {**BOXES[1], "name": "s"}}}, "one output twice"),
    ],
)
def test_a_card_of_a_detector_that_cannot_be_followed(
    storage: Storage, tmp_path: Path, served: dict[str, Any], says: str
) -> None:
    folder = detector_card(tmp_path / "m", **served)
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
