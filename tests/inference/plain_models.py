"""Plain models with a card: a network as TorchScript or ONNX."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.inference.bundles import SPLEEN


def plain_card(**model: Any) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0",
        "accepts": {"Modality": "MR"},
        "segments": {"1": {"label": "Spleen", "code": SPLEEN}},
        "model": {
            "name": "Plain spleen",
            "version": "1.2",
            "modality": "MR",
            "output": "segmentation",
            "labels": {"1": "spleen"},
            "spacing_mm": [1.0, 1.0, 1.0],
            "intensity": {"percentiles": [0, 100]},
            "tile": [32, 32, 32],
            **model,
        },
    }


def torchscript_model(folder: Path, **model: Any) -> Path:
    """Segments what is bright, as a traced network beside its card."""
    folder.mkdir(parents=True)
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([-20.0, 20.0]).reshape(2, 1, 1, 1, 1))
        network.bias.copy_(torch.tensor([10.0, -10.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.zeros(1, 1, 8, 8, 8)).save(str(folder / "model.ts"))
    (folder / "mediview.json").write_text(json.dumps(plain_card(**model)))
    return folder


def onnx_model(folder: Path, *, classes: bool = False, **model: Any) -> Path:
    """The same network as ONNX, of a fixed shape as exports have it; or a classifier by mean."""
    from onnx import TensorProto, helper, save

    folder.mkdir(parents=True)
    weight = helper.make_tensor("w", TensorProto.FLOAT, (2, 1, 1, 1, 1), [-20.0, 20.0])
    bias = helper.make_tensor("b", TensorProto.FLOAT, (2,), [10.0, -10.0])
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["scores"])]
    output, shape = "scores", [1, 2, 32, 32, 32]
    if classes:
        nodes += [
            helper.make_node("GlobalAveragePool", ["scores"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["classes"]),
        ]
        output, shape = "classes", [1, 2]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 32, 32, 32])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [weight, bias],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 9
    save(made, str(folder / "model.onnx"))
    (folder / "mediview.json").write_text(json.dumps(plain_card(**model)))
    return folder
