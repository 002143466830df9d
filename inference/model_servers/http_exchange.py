"""The Open Inference Protocol v2 over HTTP, with the binary tensor data extension.

https://github.com/open-inference-protocol/specification
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference.model_servers.card import ServedModel
from inference.model_servers.client import answer_of
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.exchange import Inferred, Output, bytes_at_most, garbage
from inference.model_servers.tensors import JSON_BYTES_A_VALUE, json_of
from inference.refusals import ModelServerFailed
from storage.core.untrusted_input.whole_numbers import read_whole_number

_HEADER_LENGTH = "Inference-Header-Content-Length"
_NO_NUMBERS = re.compile(rb"[\[,:]\s*-?(NaN|Infinity)\b")


class HttpExchange:
    sends_bytes = False

    def __init__(self, endpoint: Endpoint, model: ServedModel) -> None:
        self._endpoint = endpoint
        self._model = model

    def metadata(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self._json("/v2"), self._json(self._model.path)

    def infer(
        self,
        tensors: Sequence[NDArray[Any]],
        request_id: str,
        *,
        binary: bool,
        count_at_most: Sequence[int],
    ) -> Inferred:
        body, headers = self._request(tensors, request_id, binary=binary)
        a_value = None if binary else JSON_BYTES_A_VALUE
        bound = bytes_at_most(self._endpoint, self._model.asked, count_at_most, a_value)
        with answer_of(
            self._endpoint,
            "POST",
            f"{self._model.path}/infer",
            content=body,
            headers=headers,
            shows_error=True,
        ) as answer:
            content = answer.read(bound)
            length = read_whole_number(answer.headers.get(_HEADER_LENGTH, str(len(content))))
        if length is None or length > len(content):
            raise garbage(self._endpoint, "an answer that is shorter than it states")
        view = memoryview(content)
        try:
            stated = json_of(view[:length])
        except ValueError as error:
            if _NO_NUMBERS.search(view[:length]):
                raise ModelServerFailed(
                    f"{self._endpoint} answered values that are no numbers (NaN, Infinity), which"
                    " JSON does not have.",
                    remedy=f"Look at the model {self._model.model} there.",
                ) from error
            raise garbage(self._endpoint, "what is not JSON") from error
        outputs = stated.get("outputs") if isinstance(stated, dict) else None
        if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
            raise garbage(self._endpoint, "an inference without outputs")
        return Inferred(
            stated.get("model_name"),
            stated.get("model_version"),
            stated.get("id"),
            list(_with_bytes(outputs, view[length:])),
        )

    def _request(
        self, tensors: Sequence[NDArray[Any]], request_id: str, *, binary: bool
    ) -> tuple[bytes, dict[str, str]]:
        inputs: list[dict[str, Any]] = [
            {"name": stated.name, "shape": list(tensor.shape), "datatype": stated.datatype}
            for stated, tensor in zip(self._model.given, tensors, strict=True)
        ]
        outputs: list[dict[str, Any]] = [{"name": one.name} for one in self._model.asked]
        if binary:
            for one, tensor in zip(inputs, tensors, strict=True):
                one["parameters"] = {"binary_data_size": tensor.nbytes}
            for one in outputs:
                one["parameters"] = {"binary_data": True}
            head = orjson.dumps({"id": request_id, "inputs": inputs, "outputs": outputs})
            return b"".join((head, *(tensor.tobytes() for tensor in tensors))), {
                "Content-Type": "application/octet-stream",
                _HEADER_LENGTH: str(len(head)),
            }
        for one, tensor in zip(inputs, tensors, strict=True):
            # orjson knows no half precision; single holds each of its values.
            plain = tensor.astype(np.float32) if tensor.dtype.itemsize == 2 else tensor
            one["data"] = plain.ravel()
        body = orjson.dumps(
            {"id": request_id, "inputs": inputs, "outputs": outputs},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        return body, {"Content-Type": "application/json"}

    def _json(self, path: str) -> dict[str, Any]:
        with answer_of(self._endpoint, "GET", path) as answer:
            return answer.json()


def _with_bytes(outputs: Sequence[dict[str, Any]], rest: memoryview) -> Iterator[Output]:
    """Each output with its share of the bytes behind the JSON, in its order; what is left over is
    the last one's, whose size it then does not fit."""
    sizes = [_binary_size(one) for one in outputs]
    for number, (stated, size) in enumerate(zip(outputs, sizes, strict=True)):
        if size is None:
            yield Output(stated)
            continue
        is_last = not any(one is not None for one in sizes[number + 1 :])
        yield Output(stated, rest if is_last else rest[:size])
        rest = rest[size:]


def _binary_size(stated: dict[str, Any]) -> int | None:
    parameters = stated.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    return size if type(size) is int and size >= 0 else None
