"""The Open Inference Protocol v2 over gRPC: tensors as bytes, or as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from inference.model_servers.card import ServedModel
from inference.model_servers.client import MAX_JSON_BYTES
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.exchange import Inferred, Output, bytes_at_most, garbage
from inference.model_servers.grpc_client import answer_of
from inference.model_servers.grpc_messages import (
    CONTENTS,
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
    ServerMetadataRequest,
    ServerMetadataResponse,
)
from inference.refusals import ModelUnusable

# Of a value that is sent as a number: a whole one of 64 bits takes ten bytes at most.
_VARINT_AT_MOST_BYTES = 10


class GrpcExchange:
    sends_bytes = True

    def __init__(self, endpoint: Endpoint, model: ServedModel) -> None:
        self._endpoint = endpoint
        self._model = model

    def metadata(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        server = answer_of(
            self._endpoint,
            "ServerMetadata",
            ServerMetadataRequest(),
            ServerMetadataResponse,
            MAX_JSON_BYTES,
        )
        model = answer_of(
            self._endpoint,
            "ModelMetadata",
            ModelMetadataRequest(name=self._model.model, version=self._model.version),
            ModelMetadataResponse,
            MAX_JSON_BYTES,
        )
        about = {
            "name": server.name,
            "version": server.version,
            "extensions": list(server.extensions),
        }
        return about, {
            "name": model.name,
            "versions": list(model.versions),
            "inputs": [_stated(one) for one in model.inputs],
            "outputs": [_stated(one) for one in model.outputs],
        }

    def infer(
        self,
        tensors: Sequence[NDArray[Any]],
        request_id: str,
        *,
        binary: bool,
        count_at_most: Sequence[int],
    ) -> Inferred:
        # Which of the two a server answers with is its own choice.
        bound = bytes_at_most(
            self._endpoint, self._model.asked, count_at_most, _VARINT_AT_MOST_BYTES
        )
        answer = answer_of(
            self._endpoint,
            "ModelInfer",
            self._request(tensors, request_id, binary=binary),
            ModelInferResponse,
            bound,
        )
        outputs = self._outputs(answer)
        return Inferred(answer.model_name, answer.model_version, answer.id, outputs)

    def _request(self, tensors: Sequence[NDArray[Any]], request_id: str, *, binary: bool) -> Any:
        request = ModelInferRequest(
            model_name=self._model.model, model_version=self._model.version, id=request_id
        )
        for stated, tensor in zip(self._model.given, tensors, strict=True):
            one = request.inputs.add(name=stated.name, datatype=stated.datatype, shape=tensor.shape)
            if binary:
                request.raw_input_contents.append(tensor.tobytes())
                continue
            field = CONTENTS.get(stated.datatype)
            if field is None:
                raise ModelUnusable(
                    f"The card of {self._model.model} states {stated.datatype} and binary false;"
                    " gRPC has half precision as bytes alone.",
                    remedy="Leave binary out.",
                )
            getattr(one.contents, field).extend(tensor.ravel().tolist())
        for asked in self._model.asked:
            request.outputs.add(name=asked.name)
        return request

    def _outputs(self, answer: Any) -> list[Output]:
        raw = answer.raw_output_contents
        if len(raw) not in (0, len(answer.outputs)):
            raise garbage(
                self._endpoint, f"{len(answer.outputs)} outputs with the bytes of {len(raw)}"
            )
        found = []
        for number, one in enumerate(answer.outputs):
            stated = _stated(one)
            # A server may have bytes for some of them alone.
            if number < len(raw) and (raw[number] or not one.HasField("contents")):
                stated["parameters"] = {"binary_data_size": len(raw[number])}
                found.append(Output(stated, raw[number]))
                continue
            field = CONTENTS.get(one.datatype)
            stated["data"] = [] if field is None else list(getattr(one.contents, field))
            found.append(Output(stated))
        return found


def _stated(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
