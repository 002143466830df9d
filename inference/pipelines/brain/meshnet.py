"""MeshNet: a stack of dilated 3×3×3 convolutions, from a model pack.

A pack holds `network.json` (layers in order, labels by class) and `weights.safetensors`
(`conv{i}.weight` as PyTorch's Conv3d takes it, `conv{i}.bias`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.models.devices import current, device, is_out_of_memory
from inference.models.files import file_sha256, use_threads
from inference.models.model_cache import WARM, weights_bytes
from inference.refusals import ModelUnusable

if TYPE_CHECKING:
    import torch

_LAYERS_AT_MOST = 64


@dataclass(frozen=True)
class Layer:
    dilation: int
    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class Network:
    labels: tuple[str, ...]
    layers: tuple[Layer, ...]


def load_network(network_json: Path, weights: Path, threads: int = 0) -> Network:
    """The network of a pack, on the best device; loaded once a process.

    Files must have been verified. Raises ModelUnusable where they do not fit together.
    """
    use_threads(threads)

    def load() -> Network:
        try:
            return _read(network_json, weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise ModelUnusable(
                f"{network_json.parent.name} is not a MeshNet pack: {error}",
                remedy="Add the pack again: mediview models add FOLDER.",
            ) from error

    return WARM.get((str(weights), file_sha256(weights), device()), load, weights_bytes(weights))


def classify(
    network: Network, voxels: NDArray[np.float32], on_layer: Callable[[float], None]
) -> NDArray[np.uint8]:
    """The most likely class of each voxel: uint8, of the shape of `voxels`.

    `on_layer` gets the fraction done. What lies outside of `voxels` counts as 0, the
    value of the darkest voxels. Where tiles are asked for, each is seen with as much around
    it as the network reaches, so that the classes are the same.
    """
    if current().tile_scale == 1.0:
        return _classes(scores(network, voxels, on_layer))
    reach = sum(one.dilation * (one.weight.shape[-1] // 2) for one in network.layers)
    tiles = [
        tuple(_halves(size)[part] for size, part in zip(voxels.shape, parts, strict=True))
        for parts in np.ndindex(2, 2, 2)
    ]
    classes = np.empty(voxels.shape, np.uint8)
    for number, tile in enumerate(tiles):
        around = tuple(
            slice(max(0, part.start - reach), min(size, part.stop + reach))
            for part, size in zip(tile, voxels.shape, strict=True)
        )
        inner = tuple(
            slice(part.start - wide.start, part.stop - wide.start)
            for part, wide in zip(tile, around, strict=True)
        )
        seen = np.ascontiguousarray(voxels[around])
        classes[tile] = _classes(scores(network, seen, lambda _: None))[inner]
        on_layer((number + 1) / len(tiles))
    return classes


def scores(
    network: Network, voxels: NDArray[np.float32], on_layer: Callable[[float], None]
) -> torch.Tensor:
    """What the network says of each voxel: shape (1, classes, ...), before any softmax."""
    import torch
    from torch.nn.functional import conv3d, elu_

    # Channels last is five times as fast on CPUs, for so few channels.
    x = torch.from_numpy(voxels)[None, None].to(device())
    x = x.contiguous(memory_format=torch.channels_last_3d)
    last = len(network.layers) - 1
    with torch.inference_mode():
        for number, layer in enumerate(network.layers):
            reach = layer.dilation * (layer.weight.shape[-1] // 2)
            x = conv3d(x, layer.weight, layer.bias, padding=reach, dilation=layer.dilation)
            if number < last:
                x = elu_(x)
            on_layer((number + 1) / len(network.layers))
    return x


def _classes(x: torch.Tensor) -> NDArray[np.uint8]:
    import torch

    classes: NDArray[np.uint8] = x.argmax(dim=1)[0].to(torch.uint8).cpu().numpy()
    return classes


def _halves(size: int) -> tuple[slice, slice]:
    return slice(0, size // 2), slice(size // 2, size)


def _read(network_json: Path, weights: Path) -> Network:
    import torch
    from safetensors.torch import load_file

    description = json.loads(network_json.read_text("utf-8"))
    tensors = load_file(str(weights), device=device())
    stated = description["layers"]
    if not 1 <= len(stated) <= _LAYERS_AT_MOST:
        raise ValueError(f"it has {len(stated)} layers")
    layers = []
    for number, layer in enumerate(stated):
        weight, bias = tensors[f"conv{number}.weight"], tensors[f"conv{number}.bias"]
        if weight.shape[0] != layer["out_channels"] or weight.shape[-1] != layer["kernel_size"]:
            raise ValueError(f"layer {number} has weights of shape {tuple(weight.shape)}")
        packed = weight.float().contiguous(memory_format=torch.channels_last_3d)
        layers.append(Layer(int(layer["dilation"]), packed, bias.float()))
    labels = tuple(str(label) for label in description["labels"])
    if layers[-1].weight.shape[0] != len(labels):
        raise ValueError(f"it has {len(labels)} labels for {layers[-1].weight.shape[0]} classes")
    return Network(labels, tuple(layers))
