"""The messages of the Open Inference Protocol v2 over gRPC, as protobuf has them.

https://github.com/open-inference-protocol/specification, open_inference_grpc.proto: those fields
that the node sends or reads; protobuf leaves out what else a server sends. They are kept in a pool
of their own, since other packages (tritonclient, kserve) describe the same names.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

SERVICE = "inference.GRPCInferenceService"
_TYPES = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}
# Name of a message, of its field: number and type; [] is repeated. Tensors lie within messages
# there, which makes no difference on the wire.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {
        "name": (1, "string"),
        "version": (2, "string"),
        "extensions": (3, "string[]"),
    },
    "ModelMetadataRequest": {"name": (1, "string"), "version": (2, "string")},
    "TensorMetadata": {
        "name": (1, "string"),
        "datatype": (2, "string"),
        "shape": (3, "int64[]"),
    },
    "ModelMetadataResponse": {
        "name": (1, "string"),
        "versions": (2, "string[]"),
        "inputs": (4, "TensorMetadata[]"),
        "outputs": (5, "TensorMetadata[]"),
    },
    "InferTensorContents": {
        "int_contents": (2, "int32[]"),
        "int64_contents": (3, "int64[]"),
        "uint_contents": (4, "uint32[]"),
        "uint64_contents": (5, "uint64[]"),
        "fp32_contents": (6, "float[]"),
        "fp64_contents": (7, "double[]"),
    },
    "InferTensor": {
        "name": (1, "string"),
        "datatype": (2, "string"),
        "shape": (3, "int64[]"),
        "contents": (5, "InferTensorContents"),
    },
    "InferRequestedOutputTensor": {"name": (1, "string")},
    "ModelInferRequest": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "inputs": (5, "InferTensor[]"),
        "outputs": (6, "InferRequestedOutputTensor[]"),
        "raw_input_contents": (7, "bytes[]"),
    },
    "ModelInferResponse": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "outputs": (5, "InferTensor[]"),
        "raw_output_contents": (6, "bytes[]"),
    },
}
CONTENTS = {
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "UINT8": "uint_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
}
"""The field with the values of a tensor that is not sent as bytes; half precision has none."""


MOST_PARTS = 1000
"""Of a message: a model has a dozen tensors, and a tensor's values are one part."""
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5


def has_few_parts(message: bytes) -> bool:
    """Whether an undecoded message has no more parts than an honest one.

    A part of two bytes becomes an object of some hundred. Raises DecodeError where it
    is no message (https://protobuf.dev/programming-guides/encoding/).
    """
    at = parts = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _LEN:
            length, at = _varint(message, at)
            at += length
        elif kind in (_I64, _I32):
            at += 8 if kind == _I64 else 4
        else:
            raise DecodeError(f"wire type {kind}")
        parts += 1
        if parts > MOST_PARTS:
            return False
    return True


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of at most ten bytes, and where the next one begins."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise DecodeError("a number without end")


def _described() -> DescriptorPool:
    file = FileDescriptorProto(
        name="mediview/open_inference.proto", package="inference", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = DescriptorProto(name=name)
        for field, (number, stated) in fields.items():
            kind = stated.removesuffix("[]")
            is_repeated = stated != kind
            message.field.add(
                name=field,
                number=number,
                label=FieldDescriptorProto.LABEL_REPEATED
                if is_repeated
                else FieldDescriptorProto.LABEL_OPTIONAL,
                type=_TYPES.get(kind, FieldDescriptorProto.TYPE_MESSAGE),
                type_name=None if kind in _TYPES else f".inference.{kind}",
            )
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _described()


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


ServerMetadataRequest = _message("ServerMetadataRequest")
ServerMetadataResponse = _message("ServerMetadataResponse")
ModelMetadataRequest = _message("ModelMetadataRequest")
ModelMetadataResponse = _message("ModelMetadataResponse")
ModelInferRequest = _message("ModelInferRequest")
ModelInferResponse = _message("ModelInferResponse")
