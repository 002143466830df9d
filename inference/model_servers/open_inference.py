"""The Open Inference Protocol v2 over HTTP (Triton, KServe, MLServer).

https://github.com/open-inference-protocol/specification: inference, metadata, and the binary
tensor data extension. Batches are the server's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference.model_servers.card import ServedModel, ServedTensor
from inference.model_servers.client import MAX_JSON_BYTES, ServerAnswer, answer_of
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.gate import admitted
from inference.model_servers.tensors import (
    DTYPES,
    JSON_BYTES_A_VALUE,
    decoded,
    from_server,
    json_of,
    to_server,
)
from inference.refusals import ModelServerFailed, ModelUnusable
from storage.core.untrusted_input.whole_numbers import read_whole_number

_HEADER_LENGTH = "Inference-Header-Content-Length"
_BINARY = "binary_tensor_data"
_SHOWN_AT_MOST = 80
CHANNELS_AT_MOST = 256
"""Of an answer whose card leaves the number of classes open."""


@dataclass(frozen=True)
class Described:
    """What a server says of itself and of the model, once it fits the card."""

    server: str
    versions: tuple[str, ...]
    is_binary: bool


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
        self._whose = f"{endpoint}"
        self._described: Described | None = None
        self.version = model.version
        """Of the model, as the server last stated it."""

    def describe(self) -> Described:
        """Hold the server's metadata against the card.

        Raises ModelUnusable naming tensor, value and remedy where they differ, and
        ModelServerFailed.
        """
        with admitted(self._endpoint, self._model.model):
            server = self._json("/v2")
            model = self._json(self._model.path)
            versions = model.get("versions")
            for kind, tensor in (("input", self._model.input), ("output", self._model.output)):
                self._compare(kind, model.get(f"{kind}s"), tensor)
        extensions = server.get("extensions")
        can = isinstance(extensions, list) and _BINARY in extensions
        stated = [_shown(one) for one in versions] if isinstance(versions, list) else []
        name = f"{_shown(server.get('name'))} {_shown(server.get('version'))}".strip()
        binary = self._model.binary
        self._described = Described(name, tuple(stated), can if binary is None else binary)
        return self._described

    def infer(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for a batch (N, C, X, Y, Z or N, C, H, W), in the node's order of axes.

        Raises ModelServerFailed, ModelServerDeclined, ModelUnusable.
        """
        described = self._described or self.describe()
        batch = self._model.input.shape[self._model.input.axes.index("N")]
        if 0 < batch < len(values):
            parts = [values[i : i + batch] for i in range(0, len(values), batch)]
            return np.concatenate([self.infer(part) for part in parts])
        tensor = to_server(values, self._model.input, self._model.model)
        body, headers = self._request(tensor, binary=described.is_binary)
        with (
            admitted(self._endpoint, self._model.model),
            answer_of(
                self._endpoint, "POST", f"{self._model.path}/infer", content=body, headers=headers
            ) as answer,
        ):
            bound = self._bound(values.shape, binary=described.is_binary)
            found = self._output(answer, bound)
        output = from_server(found, self._model.output)
        # Of single images the answer may lie on a coarser grid.
        is_volume = output.ndim == 5
        if len(output) != len(values) or (is_volume and output.shape[2:] != values.shape[2:]):
            raise ModelUnusable(
                f"{self._whose} answered an array of shape {output.shape} to an image of shape"
                f" {values.shape}.",
                remedy="Check the layout of the tensors in the card.",
            )
        return output

    def notes(self) -> tuple[str, ...]:
        """Who computed, as results state it."""
        server = self._described.server if self._described else ""
        version = f", version {self.version}" if self.version else ", which states no version"
        return (
            f"Computed by the model server {self._endpoint.name} ({server or 'without a name'}):"
            f" model {self._model.model}{version}.",
        )

    def _request(self, tensor: NDArray[Any], *, binary: bool) -> tuple[bytes, dict[str, str]]:
        stated = self._model.input
        sent: dict[str, Any] = {
            "name": stated.name,
            "shape": list(tensor.shape),
            "datatype": stated.datatype,
        }
        wanted: dict[str, Any] = {"name": self._model.output.name}
        if binary:
            sent["parameters"] = {"binary_data_size": tensor.nbytes}
            wanted["parameters"] = {"binary_data": True}
            head = orjson.dumps({"inputs": [sent], "outputs": [wanted]})
            return head + tensor.tobytes(), {
                "Content-Type": "application/octet-stream",
                _HEADER_LENGTH: str(len(head)),
            }
        # orjson knows no half precision; single holds each of its values.
        plain = tensor.astype(np.float32) if tensor.dtype.itemsize == 2 else tensor
        sent["data"] = plain.ravel()
        body = orjson.dumps(
            {"inputs": [sent], "outputs": [wanted]}, option=orjson.OPT_SERIALIZE_NUMPY
        )
        return body, {"Content-Type": "application/json"}

    def _bound(self, shape: tuple[int, ...], *, binary: bool) -> int:
        """Bytes that the answer to an image of that shape (N, C, …) may have."""
        output = self._model.output
        channels = output.shape[output.axes.index("C")]
        others = shape[2:] if len(output.shape) > 2 else ()
        each = DTYPES[output.datatype].itemsize if binary else JSON_BYTES_A_VALUE
        count = math.prod((shape[0], *others)) * (channels if channels > 0 else CHANNELS_AT_MOST)
        return min(self._endpoint.limits.max_bytes, count * each) + MAX_JSON_BYTES

    def _output(self, answer: ServerAnswer, max_bytes: int) -> NDArray[Any]:
        body = answer.read(max_bytes)
        length = read_whole_number(answer.headers.get(_HEADER_LENGTH, str(len(body))))
        if length is None or length > len(body):
            raise self._garbage("an answer that is shorter than it states")
        try:
            stated = json_of(body[:length])
        except ValueError as error:
            raise self._garbage("what is not JSON") from error
        outputs = stated.get("outputs") if isinstance(stated, dict) else None
        if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
            raise self._garbage("an inference without its one output")
        self._check_version(_shown(stated.get("model_version")))
        return decoded(
            outputs[0],
            body[length:],
            self._model.output,
            self._whose,
            self._endpoint.limits.max_bytes,
        )

    def _check_version(self, stated: str) -> None:
        if self._model.version and stated and stated != self._model.version:
            raise ModelUnusable(
                f"{self._whose} answered with version {stated} of {self._model.model}; the card"
                f" states {self._model.version}.",
                remedy="Load that version on the server, or state the other one in the card.",
            )
        self.version = stated or self._model.version

    def _compare(self, kind: str, stated: Any, tensor: ServedTensor) -> None:
        if not stated:
            # Servers need not describe tensors; what they answer is checked all the same.
            return
        listed = stated if isinstance(stated, list) else []
        tensors = [one for one in listed if isinstance(one, dict)]
        found = next((one for one in tensors if one.get("name") == tensor.name), None)
        if found is None:
            names = ", ".join(_shown(one.get("name")) for one in tensors[:5]) or "none"
            raise self._differs(f"has no {kind} {tensor.name}; it has {names}", f"{kind}.name")
        if found.get("datatype") != tensor.datatype:
            raise self._differs(
                f"takes and gives {tensor.name} as {_shown(found.get('datatype'))}; the card"
                f" states {tensor.datatype}",
                f"{kind}.datatype",
            )
        shape = found.get("shape")
        if not _agree(shape, tensor.shape):
            raise self._differs(
                f"states the shape {str(shape)[:_SHOWN_AT_MOST]} for {tensor.name}; the card"
                f" states {list(tensor.shape)}",
                f"{kind}.shape",
            )

    def _differs(self, what: str, where: str) -> ModelUnusable:
        return ModelUnusable(
            f"{self._model.model} on the model server {self._endpoint.name} {what}.",
            remedy=f"Correct served.{where} in the card, or load the right model there.",
        )

    def _garbage(self, what: str) -> ModelServerFailed:
        return ModelServerFailed(
            f"{self._whose} answered {what}.",
            remedy="Check which server answers at its address in MEDIVIEW_MODEL_SERVERS.",
        )

    def _json(self, path: str) -> dict[str, Any]:
        with answer_of(self._endpoint, "GET", path) as answer:
            return answer.json()


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
