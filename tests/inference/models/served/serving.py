"""A model server with a network, and cards that name it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from storage.container import Storage
from storage.settings import load_settings
from tests.inference.plain_models import plain_card

SHAPE = [1, 1, 32, 32, 32]
METADATA = {
    "name": "spleen",
    "versions": ["1", "2"],
    "platform": "onnxruntime_onnx",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": SHAPE}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2, 32, 32, 32]}],
}
SERVED: dict[str, Any] = {
    "server": "triton",
    "model": "spleen",
    "version": "2",
    "input": {"name": "x", "shape": SHAPE},
    "output": {"name": "scores", "shape": [-1, 2, 32, 32, 32]},
}
Compute = Callable[[NDArray[Any]], NDArray[Any]]


def served_card(folder: Path, changes: dict[str, Any] | None = None, **served: Any) -> Path:
    """`changes` are of the card's `model`, the others of `served`."""
    folder.mkdir(parents=True)
    card = {**plain_card(**(changes or {})), "served": {**SERVED, **served}}
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


def at(storage: Storage, url: str, **settings: Any) -> Storage:
    changed = load_settings(
        data_dir=storage.settings.data_dir,
        free_disk_mark_bytes=0,
        model_servers=f"triton={url}",
        **settings,
    )
    return dataclasses.replace(storage, settings=changed)


def run(storage: Storage, volume: Volume) -> PipelineOutput:
    pipeline = pipeline_named(storage.settings, "model-plain-spleen")
    return pipeline.run(PipelineContext(storage.settings, volume))
