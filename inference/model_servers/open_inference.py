"""The Open Inference Protocol v2 (Triton, KServe, MLServer), over HTTP or gRPC.

Metadata and answers are held against the card. Batches are the server's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from inference.model_servers.card import NamedTensor, ServedModel
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.exchange import (
    BOXES_AT_MOST,
    OF_ANY_SIZE,
    Exchange,
    Inferred,
    count_at_most,
    garbage,
)
from inference.model_servers.gate import admitted
from inference.model_servers.http_exchange import HttpExchange
from inference.model_servers.tensors import decoded, from_server, to_server
from inference.refusals import ModelUnusable

_BINARY = "binary_tensor_data"
_SHOWN_AT_MOST = 80


@dataclass(frozen=True)
class Described:
    """What a server says of itself and of the model, once it fits the card."""

    server: str
    versions: tuple[str, ...]
    is_binary: bool


class Detections(NamedTuple):
    """As the server gave them: of shape (boxes, 4), and (boxes,) of the others, or with a first
    dimension of 1. `images` where the card names them."""

    boxes: NDArray[Any]
    labels: NDArray[Any]
    scores: NDArray[Any]
    images: NDArray[Any] | None = None


def client_of(name: str, endpoint: Endpoint | None, model: ServedModel) -> InferenceClient:
    """Of the model `name` of a card. Raises ModelUnusable where the site names no such server."""
    if endpoint is None:
        raise ModelUnusable(
            f"The card of {name} names the model server {model.server}, which"
            " MEDIVIEW_MODEL_SERVERS does not name.",
            remedy=f"An operator adds {model.server}=https://host:port to MEDIVIEW_MODEL_SERVERS.",
        )
    return InferenceClient(endpoint, model)


class InferenceClient:
    def __init__(self, endpoint: Endpoint, model: ServedModel) -> None:
        self._endpoint = endpoint
        self._model = model
        self._exchange = _exchange_of(endpoint, model)
        self._described: Described | None = None
        self.version = model.version
        """Of the model, as the server last stated it."""

    @property
    def gives_boxes(self) -> bool:
        return self._model.detections is not None

    def describe(self) -> Described:
        """Hold the server's metadata against the card.

        Raises ModelUnusable naming tensor, value and remedy where they differ, and
        ModelServerFailed.
        """
        with admitted(self._endpoint, self._model.model):
            server, model = self._exchange.metadata()
            self._check_name(model.get("name"))
            versions = model.get("versions")
            for where, tensor in _places(self._model):
                kind = "input" if where.startswith("input") else "output"
                self._compare(kind, model.get(f"{kind}s"), tensor, where)
        extensions = server.get("extensions")
        can = isinstance(extensions, list) and _BINARY in extensions
        stated = [_shown(one) for one in versions] if isinstance(versions, list) else []
        name = f"{_shown(server.get('name'))} {_shown(server.get('version'))}".strip()
        binary = self._model.binary
        is_binary = (can or self._exchange.sends_bytes) if binary is None else binary
        self._described = Described(name, tuple(stated), is_binary)
        return self._described

    def infer(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for a batch (N, C, X, Y, Z or N, C, H, W), in the node's order of axes.

        Raises ModelServerFailed, ModelServerDeclined, ModelUnusable.
        """
        stated = self._model.output
        if stated is None:
            raise ValueError("a detector gives boxes")
        batch = self._model.given[0].size_along("N")
        if 0 < batch < len(values):
            parts = [values[i : i + batch] for i in range(0, len(values), batch)]
            return np.concatenate([self.infer(part) for part in parts])
        sizes = dict(zip("NC", (len(values), OF_ANY_SIZE), strict=True))
        if stated.axes != "NC":
            sizes |= zip("XYZ" if values.ndim == 5 else "HW", values.shape[2:], strict=True)
        most = count_at_most(stated, [sizes[axis] for axis in stated.axes])
        (found,) = self._asked(values, [most])
        output = from_server(found, stated)
        # Of single images the answer may lie on a coarser grid.
        is_volume = output.ndim == 5
        if len(output) != len(values) or (is_volume and output.shape[2:] != values.shape[2:]):
            raise ModelUnusable(
                f"{self._endpoint} answered an array of shape {output.shape} to an image of shape"
                f" {values.shape}.",
                remedy="Check the layout of the tensors in the card.",
            )
        return output

    def detect(self, image: NDArray[np.float32]) -> Detections:
        """What a detector finds in a batch of one. Raises as `infer`."""
        counts = [
            count_at_most(one, [BOXES_AT_MOST if size < 0 else size for size in one.shape])
            for one in self._model.asked
        ]
        return Detections(*self._asked(image, [min(one, 4 * BOXES_AT_MOST) for one in counts]))

    def notes(self) -> tuple[str, ...]:
        """Who computed, as results state it."""
        server = self._described.server if self._described else ""
        version = f", version {self.version}" if self.version else ", which states no version"
        return (
            f"Computed by the model server {self._endpoint.name} ({server or 'without a name'}):"
            f" model {self._model.model}{version}.",
        )

    def _asked(self, values: NDArray[np.float32], counts: Sequence[int]) -> list[NDArray[Any]]:
        """One request: each output of the card, checked."""
        described = self._described or self.describe()
        given = self._model.given
        channels = [values] if len(given) == 1 else np.split(values, values.shape[1], axis=1)
        if len(channels) != len(given):
            raise ModelUnusable(
                f"The card of {self._model.model} names {len(given)} inputs of the server; the"
                f" image has {len(channels)} channels.",
                remedy="Name one of served.inputs for each of the card's inputs.",
            )
        tensors = [
            to_server(channel, tensor, self._model.model)
            for channel, tensor in zip(channels, given, strict=True)
        ]
        request_id = uuid4().hex
        with admitted(self._endpoint, self._model.model):
            answer = self._exchange.infer(
                tensors, request_id, binary=described.is_binary, count_at_most=counts
            )
            if answer.request_id and answer.request_id != request_id:
                raise garbage(self._endpoint, "another request than the one that was sent")
            return self._decoded(answer)

    def _decoded(self, answer: Inferred) -> list[NDArray[Any]]:
        """The outputs in the card's order; a server may give others beside them."""
        if not answer.outputs:
            raise garbage(self._endpoint, "an inference without outputs")
        self._check_name(answer.model)
        self._check_version(_shown(answer.version))
        found = []
        for tensor in self._model.asked:
            named = (one for one in answer.outputs if one.stated.get("name") == tensor.name)
            output = next(named, answer.outputs[0])
            found.append(
                decoded(
                    output.stated,
                    output.raw,
                    tensor,
                    f"{self._endpoint}",
                    self._endpoint.limits.max_bytes,
                )
            )
        return found

    def _check_name(self, stated: Any) -> None:
        if stated not in (None, "", self._model.model):
            shown = _shown(stated) or "(a name that cannot be shown)"
            raise ModelUnusable(
                f"{self._endpoint} answered as the model {shown}; the card names"
                f" {self._model.model}.",
                remedy="Load that model on the server, or correct served.model in the card.",
            )

    def _check_version(self, stated: str) -> None:
        if self._model.version and stated and stated != self._model.version:
            raise ModelUnusable(
                f"{self._endpoint} answered with version {stated} of {self._model.model}; the card"
                f" states {self._model.version}.",
                remedy="Load that version on the server, or state the other one in the card.",
            )
        self.version = stated or self._model.version

    def _compare(self, kind: str, stated: Any, tensor: NamedTensor, where: str) -> None:
        if not stated:
            # Servers need not describe tensors; what they answer is checked all the same.
            return
        listed = stated if isinstance(stated, list) else []
        tensors = [one for one in listed if isinstance(one, Mapping)]
        found = next((one for one in tensors if one.get("name") == tensor.name), None)
        if found is None:
            names = ", ".join(_shown(one.get("name")) for one in tensors[:5]) or "none"
            raise self._differs(f"has no {kind} {tensor.name}; it has {names}", f"{where}.name")
        if found.get("datatype") != tensor.datatype:
            raise self._differs(
                f"takes and gives {tensor.name} as {_shown(found.get('datatype'))}; the card"
                f" states {tensor.datatype}",
                f"{where}.datatype",
            )
        shape = found.get("shape")
        if not _agree(shape, tensor.shape):
            raise self._differs(
                f"states the shape {str(shape)[:_SHOWN_AT_MOST]} for {tensor.name}; the card"
                f" states {list(tensor.shape)}",
                f"{where}.shape",
            )

    def _differs(self, what: str, where: str) -> ModelUnusable:
        return ModelUnusable(
            f"{self._model.model} on the model server {self._endpoint.name} {what}.",
            remedy=f"Correct served.{where} in the card, or load the right model there.",
        )


def _exchange_of(endpoint: Endpoint, model: ServedModel) -> Exchange:
    if endpoint.is_grpc:
        # It loads the protocol's messages, which few nodes need.
        from inference.model_servers.grpc_exchange import GrpcExchange

        return GrpcExchange(endpoint, model)
    return HttpExchange(endpoint, model)


def _places(model: ServedModel) -> list[tuple[str, NamedTensor]]:
    """Each tensor of a card, and where in `served` it stands."""
    found: list[tuple[str, NamedTensor]] = [
        (f"inputs.{role}", one) for role, one in model.inputs.items()
    ]
    if model.input is not None:
        found.append(("input", model.input))
    if model.output is not None:
        found.append(("output", model.output))
    if model.detections is not None:
        found += [(f"detections.{name}", one) for name, one in model.detections.by_name.items()]
    return found


def _agree(stated: Any, card: tuple[int, ...]) -> bool:
    """Whether two shapes may be those of one tensor; -1 stands for any size."""
    if not isinstance(stated, list) or len(stated) != len(card):
        return False
    return all(
        type(one) is int and (one == -1 or other in (-1, one))
        for one, other in zip(stated, card, strict=True)
    )


def _shown(value: Any) -> str:
    """What a server states, as it may stand in a sentence."""
    text = str(value) if isinstance(value, str | int) else ""
    return text[:_SHOWN_AT_MOST] if text.isprintable() else ""
