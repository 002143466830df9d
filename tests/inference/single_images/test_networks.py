"""Hugging Face models, TorchScript and ONNX give what their own libraries give."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.films import (
    bright_classifier,
    film,
    image_card,
    script,
    segformer,
    vit,
    write_card,
    yolos,
)
from tests.inference.orchestration import storage_in
from tests.inference.single_images.support import PIPELINE, analysed, heat_of


def test_a_vit_sees_what_transformers_shows_it(storage: Storage, tmp_path: Path) -> None:
    """Its own processor, given the film as eight bits of grey, and its own model beside ours."""
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = vit(tmp_path / "vit", labels_at_most=3)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    dataset = film("vit", pixels=np.random.default_rng(2).integers(0, 4096, (64, 64)).astype("u2"))
    (result,) = analysed(storage, dataset)
    eight_bits = np.rint((dataset.pixel_array - 2047.5) / 4095 * 255 + 127.5).clip(0, 255)
    picture = Image.fromarray(eight_bits.astype(np.uint8)).convert("RGB")
    inputs = AutoImageProcessor.from_pretrained(folder)(picture, return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForImageClassification.from_pretrained(folder)(**inputs).logits[0]
    expected = dict(zip(("none", "effusion", "mass"), logits.softmax(0).tolist(), strict=True))
    ours = {one.label: one.confidence for one in result.classifications}
    assert ours == pytest.approx(expected, abs=0.01)
    assert max(ours.values()) - min(ours.values()) > 0.02


def test_a_yolos_gives_the_boxes_of_transformers(storage: Storage, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForObjectDetection

    folder = yolos(tmp_path / "yolos")
    card = json.loads((folder / "mediview.json").read_text())
    (folder / "mediview.json").write_text(json.dumps({**card, "score_at_least": 0.2}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    pixels = np.random.default_rng(3).integers(0, 4096, (128, 192)).astype(np.uint16)
    (result,) = analysed(storage, film("yolos", pixels=pixels))
    assert result.boxes
    description = pipeline_named(storage.settings, PIPELINE)._model  # type: ignore[attr-defined]
    from inference.single_images.preprocessing import normalized, prepare

    given = prepare(film("yolos", pixels=pixels), 0, description.preprocessing)
    tensor = torch.from_numpy(normalized(given.seen, description.preprocessing)[None])
    with torch.inference_mode():
        outputs = AutoModelForObjectDetection.from_pretrained(folder)(pixel_values=tensor)
    scores, labels = outputs.logits.softmax(-1)[0, :, :-1].max(-1)
    centre_x, centre_y, width, height = outputs.pred_boxes[0].unbind(-1)
    for box in result.boxes:
        index = int((scores - box.confidence).abs().argmin())
        assert box.label.startswith({0: "Nodule", 1: "Mass"}[int(labels[index])])
        half_x, half_y = float(width[index]) / 2, float(height[index]) / 2
        x, y = float(centre_x[index]), float(centre_y[index])
        expected = np.clip(
            [(x - half_x) * 192, (y - half_y) * 128, (x + half_x) * 192, (y + half_y) * 128],
            0,
            [192, 128, 192, 128],
        )
        points = np.array(box.corners)
        found = [*points.min(axis=0), *points.max(axis=0)]
        assert found == pytest.approx(expected.tolist(), abs=0.05)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_segformer_runs_to_valid_masks(storage: Storage, tmp_path: Path, precision: str) -> None:
    import torch
    from transformers import AutoModelForSemanticSegmentation

    folder = segformer(tmp_path / "seg")
    whole = AutoModelForSemanticSegmentation.from_pretrained(folder)
    whole.to(getattr(torch, precision)).save_pretrained(folder)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (result,) = analysed(storage, film("seg"))
    assert {one.label for one in result.segments} <= {"lesion", "skin"}
    shares = [one.value for one in result.measurements if one.label.endswith("the image")]
    assert all(0 < one <= 100 for one in shares)


def onnx_of(make: Callable[..., Path], folder: Path) -> Path:
    """The same network as ONNX, written by the exporter of torch."""
    import torch

    make(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(folder / "model.ts")
        torch.onnx.export(
            module, (torch.zeros(1, 1, 60, 80),), str(folder / "model.onnx"), dynamo=False,
            input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "batch"}},
        )  # fmt: skip
    (folder / "model.ts").unlink()
    return folder


def test_onnx_gives_what_torchscript_gives(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "ts", heat_map={"grid": 4}),
        "petra",
    )
    dataset = film("same")
    (first,) = analysed(storage, dataset)
    with storage_in(tmp_path / "other") as other:
        onnx = onnx_of(
            lambda folder: bright_classifier(folder, heat_map={"grid": 4}), tmp_path / "onnx"
        )
        add_model(other.settings, other.model_states, other.shadow_runs, onnx, "petra")
        (second,) = analysed(other, dataset)
    for one, two in zip(first.classifications, second.classifications, strict=True):
        assert one.label == two.label
        assert one.confidence == pytest.approx(two.confidence, abs=1e-5)
    np.testing.assert_allclose(heat_of(first), heat_of(second), atol=1e-5)


@pytest.mark.parametrize("lie", ["another's file", "4 TiB"])
def test_an_onnx_file_that_lies_is_refused_and_leaves_nothing(
    storage: Storage, tmp_path: Path, lie: str
) -> None:
    from onnx import TensorProto, helper

    folder = bright_classifier(tmp_path / "liar")
    (folder / "model.ts").unlink()
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "c", "h", "w"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    true = helper.make_node("ReduceMean", ["x"], ["true"], axes=[1, 2], keepdims=0)
    graph = helper.make_graph([true], "liar", [image], [scores])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    if lie == "4 TiB":
        shape = helper.make_tensor("shape", TensorProto.INT64, (2,), [1 << 20, 1 << 20])
        model.graph.initializer.append(shape)
        model.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["much"]))
    else:
        (tmp_path / "secret.bin").write_bytes(bytes(16))
        much = TensorProto(name="much", data_type=TensorProto.FLOAT, dims=[4])
        much.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "../secret.bin"), ("offset", "0"), ("length", "16")):
            much.external_data.add(key=key, value=value)
        model.graph.initializer.append(much)
    model.graph.node.append(helper.make_node("ReduceMean", ["much"], ["mean"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["true", "mean"], ["scores"]))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelUnusable, match=r"\((Fail|RuntimeException)\).* was not added"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert list(storage.settings.resolved_models_dir.glob("[!.]*")) == []


def test_a_model_that_asks_for_terabytes_is_refused_and_leaves_nothing(
    storage: Storage, tmp_path: Path
) -> None:
    folder = vit(tmp_path / "vit", labels_at_most=3)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_size": 1 << 20, "num_hidden_layers": 2000}
    (folder / "config.json").write_text(json.dumps(config))
    # No tensors: weights of another shape would be refused for that.
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelUnusable, match=r"more memory than .* was not added"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert list(storage.settings.resolved_models_dir.glob("[!.]*")) == []


def test_a_detector_that_finds_nothing_in_noise_is_added(storage: Storage, tmp_path: Path) -> None:
    import torch

    class Careful(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            # Noise ends at 1.
            boxes = torch.nonzero(x[0, 0] > 2.0).repeat(1, 2).float()
            return {
                "boxes": boxes,
                "labels": torch.zeros((len(boxes),), dtype=torch.int64),
                "scores": torch.ones((len(boxes),)),
            }

    folder = write_card(tmp_path / "careful", image_card("object-detection"))
    script(folder, Careful())
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert pipeline_named(storage.settings, PIPELINE).prove().detail.startswith("It finds")


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        (
            {"finding": "brigth part", "confidence_at_least": 0.5},
            "“brigth part”, and the model gives",
        ),
        ({"finding": "bright part", "above": 0.5}, "a label has a probability alone"),
    ],
)
def test_an_alert_that_could_never_come_is_refused(
    storage: Storage, tmp_path: Path, limit: dict[str, object], why: str
) -> None:
    folder = bright_classifier(tmp_path / "ts", labels={"0": "dark", "1": "Bright"})
    card = json.loads((folder / "mediview.json").read_text())
    (folder / "mediview.json").write_text(json.dumps({**card, "critical": [limit]}))
    with pytest.raises(InvalidRequest, match=why):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


@pytest.mark.parametrize("output", ["image-classification", "image-regression"])
def test_a_map_is_no_answer_of_classes_or_numbers(
    storage: Storage, tmp_path: Path, output: str
) -> None:
    import torch

    class Unpooled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(torch.cat((1 - x, x), 1), 16)

    numbers = {"0": {"label": "Age", "unit": "a"}, "1": {"label": "Height", "unit": "cm"}}
    changes = {"numbers": numbers, "labels": {}} if output == "image-regression" else {}
    folder = write_card(tmp_path / "map", image_card(output, **changes))
    script(folder, Unpooled())
    with pytest.raises(ModelUnusable, match=r"shape \(1, 2, 3, 5\) for 1 image"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
