"""How many parts a message has, before it is decoded."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from inference.model_servers.grpc_messages import (
    MOST_PARTS,
    ModelInferResponse,
    ModelMetadataResponse,
    has_few_parts,
)


@given(
    name=st.text(max_size=200),
    values=st.lists(st.floats(width=32, allow_nan=False), max_size=300),
    raw=st.lists(st.binary(max_size=300), max_size=5),
)
def test_an_honest_answer_has_few(name: str, values: list[float], raw: list[bytes]) -> None:
    answer = ModelInferResponse(model_name=name, raw_output_contents=raw)
    tensor = answer.outputs.add(name=name, datatype="FP32", shape=[len(values)])
    tensor.contents.fp32_contents.extend(values)
    assert has_few_parts(answer.SerializeToString())


def test_one_of_very_many_small_parts_is_told_from_it() -> None:
    answer = ModelMetadataResponse(name="m")
    for _ in range(MOST_PARTS - 1):
        answer.inputs.add()
    assert has_few_parts(answer.SerializeToString())
    answer.inputs.add()
    assert not has_few_parts(answer.SerializeToString())


@pytest.mark.parametrize("message", [b"\xff" * 11, b"\x0b", b"\x08", b"\x0a\xff"])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(DecodeError):
        has_few_parts(message)
