"""A checkpoint of nnU-Net as safetensors: what runs in a process with limits.

A checkpoint is a pickle. torch's restricted reader takes tensors, plain values and the few
classes of NumPy that nnU-Net's log consists of, and refuses everything else by name.
"""

import pickle
import re
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from storage.core.errors import InvalidRequest

_SCALAR = np.float64(0).__reduce__()[0]
_NUMPY = [
    _SCALAR,
    # As NumPy 1 names it.
    (_SCALAR, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(getattr(np.dtypes, f"{kind}DType") for kind in ("Float64", "Float32", "Int64", "Bool")),
]
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_TEXT_AT_MOST = 200
_WHAT_IS_KEPT = (
    "Save it again with network_weights, trainer_name, init_args and"
    " inference_allowed_mirroring_axes alone."
)


def weights_of(path: str, name: str) -> tuple[dict[str, Any], bytes]:
    """The network's weights as safetensors, and what else of the checkpoint is needed.

    Values: `trainer`, `configuration`, `mirror_axes` (None where it was trained without), and
    `aliases`: weights that the network has under a second name. Raises InvalidRequest.
    """
    checkpoint = _read(path, name)
    weights = checkpoint.get("network_weights")
    arguments = checkpoint.get("init_args")
    axes = checkpoint.get("inference_allowed_mirroring_axes")
    if (
        not isinstance(weights, dict)
        or not weights
        or not all(isinstance(one, torch.Tensor) for one in weights.values())
        or not isinstance(arguments, dict)
    ):
        raise InvalidRequest(
            f"{name} is not a checkpoint of nnU-Net v2: it has no network_weights and init_args.",
            remedy="Name the folder that nnUNetv2_train wrote.",
        )
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, str] = {}
    for key, tensor in weights.items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if first.setdefault(place, key) != key and tensor.numel():
            aliases[key] = first[place]
    own = {key: one.contiguous() for key, one in weights.items() if key not in aliases}
    values = {
        "trainer": str(checkpoint.get("trainer_name"))[:_TEXT_AT_MOST],
        "configuration": str(arguments.get("configuration"))[:_TEXT_AT_MOST],
        "mirror_axes": None if axes is None else [int(axis) for axis in axes],
        "aliases": aliases,
    }
    return values, save(own)


def _read(path: str, name: str) -> dict[str, Any]:
    try:
        with torch.serialization.safe_globals(_NUMPY):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _GLOBAL.search(str(error))
        what = found[1] if found else "something that is neither weights nor values"
        raise InvalidRequest(
            f"{name} asks for {what}, which is code: nothing of it was executed.",
            remedy=_WHAT_IS_KEPT,
        ) from error
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise InvalidRequest(
            f"{name} cannot be read as a checkpoint.", remedy="Get the model again."
        ) from error
    if not isinstance(checkpoint, dict):
        raise InvalidRequest(f"{name} is not a checkpoint.", remedy="Get the model again.")
    return checkpoint
