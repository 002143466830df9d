"""What a client of the Open Inference Protocol asks of either way to speak it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from inference.model_servers.card import NamedTensor
from inference.model_servers.client import MAX_JSON_BYTES
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.tensors import DTYPES
from inference.refusals import ModelServerFailed

OF_ANY_SIZE = 256
"""What a dimension may have of an answer whose card leaves it open: the number of classes."""
BOXES_AT_MOST = 10_000


@dataclass(frozen=True)
class Output:
    """One output as the server states it: `name`, `datatype`, `shape`, and its values as `data` or
    as `raw` bytes, whose number `parameters.binary_data_size` states."""

    stated: Mapping[str, Any]
    raw: bytes | memoryview = b""


@dataclass(frozen=True)
class Inferred:
    """An answer, nothing of which has been held against the card yet."""

    model: object
    version: object
    request_id: object
    """Empty where the server repeats none."""
    outputs: Sequence[Output]


class Exchange(Protocol):
    """The protocol over HTTP or gRPC. All raise ModelServerFailed, ModelServerDeclined,
    ModelUnusable."""

    sends_bytes: bool
    """Whether tensors travel as bytes where neither card nor server says."""

    def metadata(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What the server states of itself, and of the model."""
        ...

    def infer(
        self,
        tensors: Sequence[NDArray[Any]],
        request_id: str,
        *,
        binary: bool,
        count_at_most: Sequence[int],
    ) -> Inferred:
        """`tensors` in the order of the card's; `count_at_most`: values of each output."""
        ...


def count_at_most(tensor: NamedTensor, open_sizes: Sequence[int]) -> int:
    """How many values an output may have; `open_sizes` are those of its dimensions of -1."""
    return math.prod(
        size if size > 0 else at_most
        for size, at_most in zip(tensor.shape, open_sizes, strict=True)
    )


def bytes_at_most(
    endpoint: Endpoint,
    tensors: Sequence[NamedTensor],
    counts: Sequence[int],
    bytes_a_value: int | None = None,
) -> int:
    """Of an answer with so many values of each of the outputs."""
    size = sum(
        count * (bytes_a_value or DTYPES[tensor.datatype].itemsize)
        for tensor, count in zip(tensors, counts, strict=True)
    )
    return min(endpoint.limits.max_bytes, size) + MAX_JSON_BYTES


def garbage(endpoint: Endpoint, what: str) -> ModelServerFailed:
    return ModelServerFailed(
        f"{endpoint} answered {what}.",
        remedy="Check which server answers at its address in MEDIVIEW_MODEL_SERVERS.",
    )
