"""What a server of the Open Inference Protocol states and answers, held against the card."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.model_servers.card import ServedModel
from inference.model_servers.endpoint import endpoint_of
from inference.model_servers.open_inference import InferenceClient
from inference.refusals import ModelServerFailed, ModelUnusable
from storage.settings import load_settings
from tests.inference.model_servers.servers import Asked, Behaviour, Exchange, infers, serving

SHAPE = [1, 1, 32, 32, 32]
METADATA: dict[str, Any] = {
    "name": "spleen",
    "versions": ["1", "2"],
    "platform": "onnxruntime_onnx",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": SHAPE}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2, 32, 32, 32]}],
}
MODEL = ServedModel.model_validate(
    {
        "server": "triton",
        "model": "spleen",
        "version": "2",
        "input": {"name": "x", "shape": SHAPE},
        "output": {"name": "scores", "shape": [-1, 2, 32, 32, 32]},
    }
)
IMAGE = np.random.default_rng(1).random(SHAPE, np.float32)


def two_classes(values: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([-values, values], axis=1)


def asked(behaviour: Behaviour, model: ServedModel = MODEL, **settings: Any) -> NDArray[np.float32]:
    with serving(behaviour) as server:
        named = load_settings(model_servers=f"triton={server.url}", **settings)
        return InferenceClient(endpoint_of(named, "triton"), model).infer(IMAGE)


@pytest.mark.parametrize("binary", [True, False])
def test_every_bit_comes_back(binary: bool) -> None:
    found = asked(infers(two_classes, METADATA, binary=binary))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, two_classes(IMAGE))


@pytest.mark.parametrize(
    ("change", "says", "where"),
    [
        (
            {"inputs": [{"name": "image", "datatype": "FP32", "shape": SHAPE}]},
            "spleen on the model server triton has no input x; it has image.",
            "served.input.name",
        ),
        (
            {"inputs": [{"name": "x", "datatype": "UINT8", "shape": SHAPE}]},
            "as UINT8; the card states FP32",
            "served.input.datatype",
        ),
        (
            {"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3, 32, 32, 32]}]},
            "states the shape [-1, 3, 32, 32, 32] for scores; the card states [-1, 2, 32, 32, 32]",
            "served.output.shape",
        ),
        ({"outputs": {"name": "scores"}}, "has no output scores; it has none", "output.name"),
    ],
)
def test_what_differs_is_named_with_both_values(
    change: dict[str, Any], says: str, where: str
) -> None:
    with pytest.raises(ModelUnusable) as refusal:
        asked(infers(two_classes, {**METADATA, **change}))
    assert says in refusal.value.message
    assert where in refusal.value.remedy


def test_a_server_need_not_describe_its_tensors() -> None:
    """As MLServer, where its settings name none."""
    silent = {"name": "spleen", "platform": "", "versions": [], "inputs": [], "outputs": None}

    def behave(exchange: Any, request: Any) -> None:
        if request.method == "GET" and request.path.endswith("/versions/2"):
            exchange.answer(200, json.dumps(silent).encode())
        else:
            works(exchange, request)

    works = infers(two_classes, METADATA)
    np.testing.assert_array_equal(asked(behave), two_classes(IMAGE))


Answer = dict[str, Any]


def output_is(**changes: Any) -> Callable[[Answer, bytes], tuple[Answer, bytes]]:
    def change(answer: Answer, raw: bytes) -> tuple[Answer, bytes]:
        (output,) = answer["outputs"]
        return {**answer, "outputs": [{**output, **changes}]}, raw

    return change


def raw_is(change: Callable[[bytes], bytes]) -> Callable[[Answer, bytes], tuple[Answer, bytes]]:
    return lambda answer, raw: (answer, change(raw))


LIES: dict[str, tuple[Any, str]] = {
    "another name": (output_is(name="logits"), "without the tensor scores"),
    "another type": (output_is(datatype="FP64"), "as FP64, not as FP32"),
    "another shape": (output_is(shape=[1, 3, 32, 32, 32]), r"the card states \[-1, 2, 32"),
    "no shape": (output_is(shape="[1, 2]"), "without a shape"),
    "a negative shape": (output_is(shape=[-1, 2, 32, 32, 32]), "without a shape"),
    "petabytes": (output_is(shape=[10**9, 2, 32, 32, 32]), "takes more than"),
    "more images": (output_is(shape=[2, 2, 32, 32, 32]), "other than the 131072 values"),
    "fewer bytes": (raw_is(lambda raw: raw[:-4]), "other than the 65536 values"),
    "more bytes": (raw_is(lambda raw: raw + b"\0" * 4), "other than the 65536 values"),
    "a stated size": (
        output_is(parameters={"binary_data_size": 8}),
        "other than the 65536 values",
    ),
    "no numbers": (
        raw_is(lambda raw: np.full(65536, np.nan, "<f4").tobytes()),
        "values that are no numbers",
    ),
    "words": (
        lambda answer, raw: (output_is(parameters={}, data=["a"] * 65536)(answer, raw)[0], b""),
        "other than the 65536 values",
    ),
    "another version": (lambda answer, raw: ({**answer, "model_version": "7"}, raw), "version 7"),
    "another model": (
        lambda answer, raw: ({**answer, "model_name": "liver"}, raw),
        "answered as the model liver; the card names spleen",
    ),
    "another request": (
        lambda answer, raw: ({**answer, "id": "of-somebody-else"}, raw),
        "another request than the one that was sent",
    ),
    "NaN in JSON": (
        lambda answer, raw: (
            output_is(parameters={}, data=[float("nan")] * 65536)(answer, raw)[0],
            b"",
        ),
        r"values that are no numbers \(NaN, Infinity\)",
    ),
    "no output": (lambda answer, raw: ({**answer, "outputs": []}, raw), "without outputs"),
    "too much": (raw_is(lambda raw: raw + b"\0" * (8 << 20)), "answered more than"),
}


@pytest.mark.parametrize("kind", LIES)
def test_an_answer_that_is_not_what_the_card_states_is_no_result(kind: str) -> None:
    change, says = LIES[kind]
    with pytest.raises((ModelUnusable, ModelServerFailed), match=says):
        asked(infers(two_classes, METADATA, change=change))


def test_the_metadata_of_another_model_are_refused_with_both_names() -> None:
    answers = infers(two_classes, METADATA)

    def lies(exchange: Exchange, request: Asked) -> None:
        if request.method == "GET" and request.path.endswith("/versions/2"):
            exchange.answer(200, json.dumps({**METADATA, "name": "liver"}).encode())
            return
        answers(exchange, request)

    with pytest.raises(ModelUnusable, match="the model liver; the card names spleen") as refusal:
        asked(lies)
    assert "served.model in the card" in refusal.value.remedy


@pytest.mark.parametrize("binary", [True, False])
def test_each_request_has_an_id_which_the_server_may_repeat(binary: bool) -> None:
    ids = []

    def repeats(exchange: Exchange, request: Asked) -> None:
        found = {}
        if request.method == "POST":
            size = int(request.headers.get("Inference-Header-Content-Length") or len(request.body))
            found = {"id": json.loads(request.body[:size])["id"]}
            ids.append(found["id"])
        infers(
            two_classes,
            METADATA,
            binary=binary,
            change=lambda answer, raw: ({**answer, **found}, raw),
        )(exchange, request)

    asked(repeats)
    asked(repeats)
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": "CUDA out of memory.\n\x1b[31m"}, r"HTTP 500: “CUDA out of memory. \[31m”.$"),
        ({"error": "x" * 10_000}, "HTTP 500: “x{199}…”.$"),
        ({"error": {"deep": 1}}, "HTTP 500.$"),
        ({"detail": "x" * 20_000}, "HTTP 500.$"),
    ],
)
def test_a_failure_quotes_the_error_of_the_server(body: dict[str, Any], says: str) -> None:
    def fails(exchange: Exchange, request: Asked) -> None:
        if request.method == "POST":
            exchange.answer(500, json.dumps(body).encode())
            return
        infers(two_classes, METADATA)(exchange, request)

    with pytest.raises(ModelServerFailed) as failure:
        asked(fails)
    assert re.search(says, failure.value.message)


def test_an_image_that_the_card_does_not_fit_is_not_sent() -> None:
    smaller = MODEL.model_copy(
        update={"input": MODEL.input.model_copy(update={"shape": (1, 1, 16, 32, 32)})}
    )
    stated = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1, -1, 32, 32]}]}
    with pytest.raises(ModelUnusable, match=r"the image has \[1, 1, 32, 32, 32\]"):
        asked(infers(two_classes, {**METADATA, **stated}), smaller)


def test_more_than_the_site_allows_is_not_read() -> None:
    many = {"outputs": [{"name": "scores", "datatype": "FP64", "shape": [-1, -1, 32, 32, 32]}]}
    output = MODEL.output.model_copy(update={"shape": (-1, -1, 32, 32, 32), "datatype": "FP64"})

    def compute(values: NDArray[Any]) -> NDArray[Any]:
        return np.zeros((1, 24, 32, 32, 32))

    with pytest.raises((ModelUnusable, ModelServerFailed), match="more than"):
        asked(
            infers(compute, {**METADATA, **many}),
            MODEL.model_copy(update={"output": output}),
            model_server_max_bytes=1 << 20,
        )


def test_a_length_that_is_no_number_is_no_answer() -> None:
    """5,000 digits are more than Python reads as a number."""

    def behave(exchange: Exchange, asked: Asked) -> None:
        if asked.method == "POST":
            exchange.answer(200, b"{}", **{"Inference-Header-Content-Length": "9" * 5000})
        else:
            infers(two_classes, METADATA)(exchange, asked)

    with pytest.raises(ModelServerFailed, match="shorter than it states"):
        asked(behave)
