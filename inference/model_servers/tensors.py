"""Tensors of the Open Inference Protocol as bytes and as JSON, checked before they are decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference.model_servers.card import Datatype, NamedTensor, ServedTensor
from inference.refusals import ModelUnusable

DTYPES: dict[Datatype, np.dtype[Any]] = {
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "UINT8": np.dtype("u1"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}
_AXES_AT_MOST = 8
# A number in JSON with its comma.
JSON_BYTES_A_VALUE = 32


def plain_axes(tensor: ServedTensor) -> str:
    """The order of axes in which the node has such an array."""
    return next(one for one in ("NC", "NCHW", "NCXYZ") if sorted(one) == sorted(tensor.axes))


def to_server(values: NDArray[np.float32], tensor: ServedTensor, whose: str) -> NDArray[Any]:
    """An array of the node (N, C, X, Y, Z or N, C, H, W) as the server wants it.

    Raises ModelUnusable where it does not fit the card's shape.
    """
    order = [plain_axes(tensor).index(axis) for axis in tensor.axes]
    moved = np.ascontiguousarray(values.transpose(order), DTYPES[tensor.datatype])
    if not fits(moved.shape, tensor):
        raise ModelUnusable(
            f"The card of {whose} states the shape {list(tensor.shape)} for the tensor"
            f" {tensor.name}; the image has {list(moved.shape)}.",
            remedy="Correct tile, resize or shape in the card.",
        )
    return moved


def from_server(values: NDArray[Any], tensor: ServedTensor) -> NDArray[np.float32]:
    order = [tensor.axes.index(axis) for axis in plain_axes(tensor)]
    return np.ascontiguousarray(values.transpose(order), np.float32)


def fits(shape: tuple[int, ...], tensor: NamedTensor) -> bool:
    return len(shape) == len(tensor.shape) and all(
        stated in (-1, size) for stated, size in zip(tensor.shape, shape, strict=True)
    )


def decoded(
    stated: Mapping[str, Any],
    raw: bytes | memoryview,
    tensor: NamedTensor,
    whose: str,
    max_bytes: int,
) -> NDArray[Any]:
    """One output of an answer. Its declared shape and type are held against the card and against
    the bytes before they are read. Raises ModelUnusable."""
    name = tensor.name
    if stated.get("name") != name:
        raise _lies(whose, f"answered without the tensor {name}")
    if stated.get("datatype") != tensor.datatype:
        raise _lies(whose, f"answered {name} as {_short(stated.get('datatype'))}, not as"
                    f" {tensor.datatype}")  # fmt: skip
    shape = stated.get("shape")
    least = 0 if tensor.may_be_empty else 1
    if not isinstance(shape, list) or not all(type(one) is int and one >= least for one in shape):
        raise _lies(whose, f"answered {name} without a shape")
    if not fits(tuple(shape), tensor):
        raise _lies(whose, f"answered {name} of shape {shape[:5]}; the card states"
                    f" {list(tensor.shape)}")  # fmt: skip
    dtype = DTYPES[tensor.datatype]
    count = math.prod(shape)
    if count * dtype.itemsize > max_bytes:
        raise _lies(whose, f"answered {name} of shape {shape}, which takes more than {max_bytes}"
                    " bytes (MEDIVIEW_MODEL_SERVER_MAX_BYTES)")  # fmt: skip
    parameters = stated.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        values = _from_json(stated.get("data"), count, dtype)
    else:
        right = type(size) is int and size == len(raw) == count * dtype.itemsize
        values = np.frombuffer(raw, dtype) if right else None
    if values is None:
        raise _lies(whose, f"answered {name} with other than the {count} values that its shape"
                    " states")  # fmt: skip
    if not np.isfinite(values).all():
        raise _lies(whose, f"answered {name} with values that are no numbers")
    return values.reshape(shape)


def json_of(body: bytes | memoryview) -> Any:
    """Raises ValueError; NaN and Infinity are no JSON."""
    return orjson.loads(body)


def _from_json(data: Any, count: int, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Flat or nested lists of so many numbers; None where they are other things.

    Looked at one by one before there is an array: one long text among numbers would make all of
    them texts of its length.
    """
    flat = list(islice(_numbers(data, _AXES_AT_MOST), count + 1))
    if len(flat) != count or None in flat:
        return None
    if not count:
        return np.empty(0, dtype)
    values = np.asarray(flat)
    if values.dtype.kind not in "iuf":
        return None
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # Written so that a NaN fails, too.
        if not (values.min() >= limits.min and values.max() <= limits.max):
            return None
    return values.astype(dtype)


def _numbers(data: Any, axes: int) -> Iterator[int | float | None]:
    """Those of nested lists, and None for whatever else stands there, with which they end."""
    for one in data if isinstance(data, list) else (None,):
        if type(one) is int or type(one) is float:
            yield one
        elif isinstance(one, list) and axes > 1:
            yield from _numbers(one, axes - 1)
        else:
            yield None
            return


def _lies(whose: str, what: str) -> ModelUnusable:
    return ModelUnusable(
        f"{whose} {what}.",
        remedy="Compare the model on the server with its card, and add the card again.",
    )


def _short(value: Any) -> str:
    return str(value)[:20] if isinstance(value, str) and value.isprintable() else "something else"
