"""Model servers that speak gRPC on a real socket, do what a test says, and remember what they were
asked. Their messages are described here by themselves, in the text of protobuf."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from numpy.typing import NDArray

from tests.dicom_node.certificates import KeyPair

# After open_inference_grpc.proto of the Open Inference Protocol: number, type, name of each field.
_FIELDS = {
    "Metadata": "1 STRING name, 2 STRING version, 3 STRING* extensions",
    "Asked": "1 STRING name, 2 STRING version",
    "About": "1 STRING name, 2 STRING datatype, 3 INT64* shape",
    "Model": "1 STRING name, 2 STRING* versions, 3 STRING platform, 4 About* inputs,"
    " 5 About* outputs",
    "Contents": "1 BOOL* bool_contents, 2 INT32* int_contents, 3 INT64* int64_contents,"
    " 4 UINT32* uint_contents, 6 FLOAT* fp32_contents, 7 DOUBLE* fp64_contents",
    "Tensor": "1 STRING name, 2 STRING datatype, 3 INT64* shape, 5 Contents contents",
    "Wanted": "1 STRING name",
    "Request": "1 STRING model_name, 2 STRING model_version, 3 STRING id, 5 Tensor* inputs,"
    " 6 Wanted* outputs, 7 BYTES* raw_input_contents",
    "Answer": "1 STRING model_name, 2 STRING model_version, 3 STRING id, 5 Tensor* outputs,"
    " 6 BYTES* raw_output_contents",
}
_DTYPES = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "UINT8": "|u1"}
_CONTENTS = {
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
}


def _classes() -> dict[str, Any]:
    text = 'name: "test.proto" syntax: "proto3" package: "t" '
    for name, fields in _FIELDS.items():
        text += f'message_type {{ name: "{name}" '
        for one in fields.split(","):
            number, kind, called = one.split()
            label = "REPEATED" if kind.endswith("*") else "OPTIONAL"
            plain = kind.rstrip("*")
            named = "" if plain.isupper() or plain[:3].isupper() else f'type_name: ".t.{plain}"'
            shown = "MESSAGE" if named else plain
            text += (
                f'field {{ name: "{called}" number: {number} label: LABEL_{label}'
                f" type: TYPE_{shown} {named} }} "
            )
        text += "} "
    pool = DescriptorPool()
    pool.Add(text_format.Parse(text, FileDescriptorProto()))
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"t.{name}")) for name in _FIELDS}


MESSAGES = _classes()
Answering = Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class GrpcServer:
    url: str
    asked: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    """Method, message and metadata of each call."""

    def of(self, method: str) -> list[Any]:
        return [message for name, message, _ in self.asked if name == method]


@contextmanager
def serving(
    methods: dict[str, Answering],
    pair: KeyPair | None = None,
    compression: grpc.Compression | None = None,
    at_most_bytes: int = -1,
) -> Iterator[GrpcServer]:
    """A server on loopback, with `pair` over TLS; a method that is not there is UNIMPLEMENTED."""
    kinds = {"ServerMetadata": "Asked", "ModelMetadata": "Asked", "ModelInfer": "Request"}
    handlers = {}
    lock = threading.Lock()

    def handler(method: str) -> grpc.RpcMethodHandler:
        def handle(message: Any, context: grpc.ServicerContext) -> Any:
            with lock:
                server.asked.append((method, message, dict(context.invocation_metadata())))
            answer = methods[method](message, context)
            return answer if isinstance(answer, bytes) else answer.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(
            handle, request_deserializer=MESSAGES[kinds[method]].FromString
        )

    handlers = {method: handler(method) for method in methods}
    with ThreadPoolExecutor(4) as threads:
        running = grpc.server(
            threads,
            compression=compression,
            options=[
                ("grpc.max_receive_message_length", at_most_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        running.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers),)
        )
        if pair is None:
            port = running.add_insecure_port("127.0.0.1:0")
        else:
            keys = [(pair.key.read_bytes(), pair.certificate.read_bytes())]
            port = running.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(keys))
        server = GrpcServer(f"{'grpcs' if pair else 'grpc'}://127.0.0.1:{port}")
        running.start()
        try:
            yield server
        finally:
            running.stop(None).wait()


def infers(
    compute: Callable[..., Any],
    metadata: dict[str, Any],
    *,
    answers_bytes: bool = True,
    change: Callable[[Any], None] = lambda answer: None,
) -> dict[str, Answering]:
    """A server of one model; `compute` gets each input by name, and gives an array or one for each
    output. `change` makes an answer into another one before it leaves."""

    def server_metadata(_: Any, __: grpc.ServicerContext) -> Any:
        return MESSAGES["Metadata"](name="small", version="1")

    def model_metadata(asked: Any, context: grpc.ServicerContext) -> Any:
        known = asked.name == metadata["name"] and asked.version in ("", *metadata["versions"])
        if not known:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown model")
        return MESSAGES["Model"](**metadata)

    def infer(request: Any, context: grpc.ServicerContext) -> Any:
        raw = list(request.raw_input_contents)
        given = {}
        for number, tensor in enumerate(request.inputs):
            dtype = np.dtype(_DTYPES[tensor.datatype])
            values = (
                np.frombuffer(raw[number], dtype)
                if raw
                else np.array(getattr(tensor.contents, _CONTENTS[tensor.datatype]), dtype)
            )
            given[tensor.name] = values.reshape(tensor.shape)
        found = compute(*given.values())
        answer = MESSAGES["Answer"](
            model_name=request.model_name, model_version=metadata["versions"][-1]
        )
        arrays = found if isinstance(found, tuple) else (found,)
        for stated, array in zip(metadata["outputs"], arrays, strict=True):
            typed: NDArray[Any] = np.asarray(array).astype(_DTYPES[stated["datatype"]])
            output = answer.outputs.add(
                name=stated["name"], datatype=stated["datatype"], shape=typed.shape
            )
            if answers_bytes:
                answer.raw_output_contents.append(typed.tobytes())
            else:
                field = getattr(output.contents, _CONTENTS[stated["datatype"]])
                field.extend(typed.ravel().tolist())
        change(answer)
        return answer

    return {"ServerMetadata": server_metadata, "ModelMetadata": model_metadata, "ModelInfer": infer}
