"""The Open Inference Protocol over gRPC: servers that compute, lie, are slow, or go away."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.model_servers.card import ServedModel
from inference.model_servers.chat import models_of
from inference.model_servers.endpoint import Endpoint, endpoint_of
from inference.model_servers.open_inference import InferenceClient
from inference.refusals import ModelServerDeclined, ModelServerFailed, ModelUnusable
from storage.core.errors import NotConfigured
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority
from tests.inference.model_servers.grpc_servers import MESSAGES, Answering, infers, serving
from tests.inference.model_servers.servers import serving as serving_http
from tests.inference.model_servers.test_open_inference import (
    IMAGE,
    METADATA,
    MODEL,
    SHAPE,
    two_classes,
)

WORKS = infers(two_classes, METADATA)


def endpoint(url: str, **settings: Any) -> Endpoint:
    return endpoint_of(load_settings(model_servers=f"triton={url}", **settings), "triton")


def asked(
    methods: dict[str, Answering],
    model: ServedModel = MODEL,
    *,
    compression: grpc.Compression | None = None,
    at_most_bytes: int = -1,
    **settings: Any,
) -> NDArray[np.float32]:
    with serving(methods, None, compression, at_most_bytes) as server:
        return InferenceClient(endpoint(server.url, **settings), model).infer(IMAGE)


@pytest.mark.parametrize("answers_bytes", [True, False])
@pytest.mark.parametrize("binary", [None, False])
def test_every_bit_comes_back(binary: bool | None, answers_bytes: bool) -> None:
    model = MODEL.model_copy(update={"binary": binary})
    with serving(infers(two_classes, METADATA, answers_bytes=answers_bytes)) as server:
        client = InferenceClient(endpoint(server.url), model)
        np.testing.assert_array_equal(client.infer(IMAGE), two_classes(IMAGE))
        (request,) = server.of("ModelInfer")
    assert (request.model_name, request.model_version) == ("spleen", "2")
    assert len(request.id) == 32
    assert len(request.raw_input_contents) == (0 if binary is False else 1)
    assert [one.name for one in request.outputs] == ["scores"]
    assert client.notes() == (
        "Computed by the model server triton (small 1): model spleen, version 2.",
    )


def test_half_precision_travels_as_bytes_alone() -> None:
    tensor = MODEL.input
    assert tensor is not None
    half = MODEL.model_copy(update={"input": tensor.model_copy(update={"datatype": "FP16"})})
    stated = {"inputs": [{"name": "x", "datatype": "FP16", "shape": SHAPE}]}
    methods = infers(two_classes, {**METADATA, **stated})
    np.testing.assert_array_equal(asked(methods, half), two_classes(IMAGE.astype(np.float16)))
    with pytest.raises(ModelUnusable, match="half precision as bytes alone"):
        asked(methods, half.model_copy(update={"binary": False}))


def test_what_differs_from_the_card_is_named_with_both_values() -> None:
    wrong = {"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3, 32, 32, 32]}]}
    with pytest.raises(ModelUnusable, match=r"\[-1, 3, 32, 32, 32\] for scores") as refusal:
        asked(infers(two_classes, {**METADATA, **wrong}))
    assert "served.output.shape" in refusal.value.remedy


def _replaced(raw: bytes) -> Callable[[Any], None]:
    def change(answer: Any) -> None:
        answer.raw_output_contents[0] = raw

    return change


def _stated(**fields: Any) -> Callable[[Any], None]:
    def change(answer: Any) -> None:
        for name, value in fields.items():
            if name == "shape":
                answer.outputs[0].shape[:] = value
            else:
                setattr(answer.outputs[0], name, value)

    return change


def _version(answer: Any) -> None:
    answer.model_version = "7"


def _model(answer: Any) -> None:
    answer.model_name = "liver"


def _id(answer: Any) -> None:
    answer.id = "of-somebody-else"


def _one_more(answer: Any) -> None:
    answer.raw_output_contents.append(b"1234")


def _both(answer: Any) -> None:
    """Bytes and typed values at once: the bytes count, and do not fit."""
    answer.raw_output_contents[0] = b"\0" * 4
    answer.outputs[0].contents.fp32_contents.append(1.0)


LIES: dict[str, tuple[Callable[[Any], None], str]] = {
    "another name": (_stated(name="logits"), "without the tensor scores"),
    "another type": (_stated(datatype="FP64"), "as FP64, not as FP32"),
    "another shape": (_stated(shape=[1, 3, 32, 32, 32]), r"the card states \[-1, 2, 32"),
    "a negative shape": (_stated(shape=[-1, 2, 32, 32, 32]), "without a shape"),
    "petabytes": (_stated(shape=[10**9, 2, 32, 32, 32]), "takes more than"),
    "fewer bytes": (_replaced(b"\0" * 65532 * 4), "other than the 65536 values"),
    "no numbers": (_replaced(np.full(65536, np.nan, "<f4").tobytes()), "no numbers"),
    "another version": (_version, "version 7"),
    "another model": (_model, "answered as the model liver; the card names spleen"),
    "another request": (_id, "another request than the one that was sent"),
    "no output": (lambda answer: answer.Clear(), "without outputs"),
    "bytes of two": (_one_more, "1 outputs with the bytes of 2"),
    "bytes and values": (_both, "other than the 65536 values"),
    "too much": (_replaced(b"\0" * (8 << 20)), "answered more than"),
}


@pytest.mark.parametrize("kind", LIES)
def test_an_answer_that_is_not_what_the_card_states_is_no_result(kind: str) -> None:
    change, says = LIES[kind]
    with pytest.raises((ModelUnusable, ModelServerFailed), match=says):
        asked(infers(two_classes, METADATA, change=change))


def test_typed_values_beyond_their_type_are_no_answer() -> None:
    """UINT8 travels as whole numbers of 32 bits."""
    stated = [{"name": "scores", "datatype": "UINT8", "shape": [-1, 2, 32, 32, 32]}]
    output = MODEL.output
    assert output is not None
    model = MODEL.model_copy(update={"output": output.model_copy(update={"datatype": "UINT8"})})

    def too_large(answer: Any) -> None:
        answer.outputs[0].contents.uint_contents[0] = 300

    methods = infers(
        lambda x: two_classes(x) > 0, {**METADATA, "outputs": stated}, answers_bytes=False
    )
    assert set(np.unique(asked(methods, model))) == {0.0, 1.0}
    methods = infers(
        two_classes, {**METADATA, "outputs": stated}, answers_bytes=False, change=too_large
    )
    with pytest.raises(ModelUnusable, match="other than the 65536 values"):
        asked(methods, model)


def test_what_is_no_message_and_what_is_compressed_is_not_read() -> None:
    """A bomb of zeros would be inflated before its size is looked at."""
    broken = {**WORKS, "ModelInfer": lambda *_: b"\xff\xff\xff"}
    with pytest.raises(ModelServerFailed, match="no message of the protocol"):
        asked(broken)
    very_many = MESSAGES["Metadata"](name="a").SerializeToString() + 2_000_000 * b"\x22\x00"
    with pytest.raises(ModelServerFailed, match="too many parts"):
        asked({**WORKS, "ServerMetadata": lambda *_: very_many})
    bomb = MESSAGES["Metadata"](name="0" * (64 << 20))
    with pytest.raises(ModelServerFailed, match=r"failed \(INTERNAL\)"):
        asked({**WORKS, "ServerMetadata": lambda *_: bomb}, compression=grpc.Compression.Gzip)


def _fails_with(code: grpc.StatusCode, details: str = "John Doe") -> dict[str, Answering]:
    def fail(_: Any, context: grpc.ServicerContext) -> Any:
        context.abort(code, details)

    return {**WORKS, "ModelInfer": fail}


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("UNAUTHENTICATED", ModelUnusable, "its key is missing or not accepted"),
        ("PERMISSION_DENIED", ModelUnusable, "its key is missing or not accepted"),
        ("NOT_FOUND", ModelUnusable, "has no such model"),
        ("UNIMPLEMENTED", ModelUnusable, "does not speak the Open Inference Protocol"),
        ("INVALID_ARGUMENT", ModelServerDeclined, "declined the input"),
        ("RESOURCE_EXHAUSTED", ModelServerFailed, r"failed \(RESOURCE_EXHAUSTED\)"),
        ("UNAVAILABLE", ModelServerFailed, r"failed \(UNAVAILABLE\)"),
        ("INTERNAL", ModelServerFailed, r"failed \(INTERNAL\)"),
        ("UNKNOWN", ModelServerFailed, r"failed \(UNKNOWN\)"),
    ],
)
def test_a_status_becomes_a_sentence_without_the_servers_words(
    code: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as failure:
        asked(_fails_with(grpc.StatusCode[code]))
    assert "Doe" not in str(failure.value)


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(ModelUnusable, match="has no such model"):
        asked(WORKS, MODEL.model_copy(update={"version": "9"}))


def test_a_server_that_takes_no_message_so_large() -> None:
    with pytest.raises(ModelServerDeclined, match=r"takes no message of 131\d\d\d bytes") as found:
        asked(WORKS, at_most_bytes=100_000)
    assert "grpc_max_message_length" in found.value.remedy


def test_a_slow_server_is_not_waited_for_longer_than_the_site_says() -> None:
    released = threading.Event()

    def slow(_: Any, __: grpc.ServicerContext) -> Any:
        released.wait(20)
        return MESSAGES["Answer"]()

    with serving({**WORKS, "ModelInfer": slow}) as server:
        limits = {"model_server_connect_s": 0.2, "model_server_answer_s": 0.3}
        client = InferenceClient(endpoint(server.url, **limits), MODEL)
        client.describe()
        begun = time.monotonic()
        with pytest.raises(ModelServerFailed, match=r"longer than 0\.5 s .*ANSWER_S"):
            client.infer(IMAGE)
        assert time.monotonic() - begun < 5
        client = InferenceClient(endpoint(server.url, model_server_total_s=0.3), MODEL)
        with pytest.raises(ModelServerFailed, match=r"longer than 0\.3 s .*TOTAL_S"):
            client.infer(IMAGE)
        released.set()


def test_a_server_that_goes_away() -> None:
    with serving(WORKS) as server:
        client = InferenceClient(endpoint(server.url), MODEL)
        client.describe()
    with pytest.raises(ModelServerFailed, match="cannot be reached: Connection refused"):
        client.infer(IMAGE)


def test_a_server_that_hangs_up_in_the_middle() -> None:
    """It takes the connection, and closes it before it says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        port = listening.getsockname()[1]
        limits = {"model_server_connect_s": 0.5, "model_server_answer_s": 1.0}
        with pytest.raises(ModelServerFailed):
            InferenceClient(endpoint(f"grpc://127.0.0.1:{port}", **limits), MODEL).describe()
        listening.shutdown(socket.SHUT_RDWR)


def test_a_port_that_speaks_http_alone() -> None:
    with serving_http(lambda exchange, _: exchange.answer(200, b"{}")) as server:
        url = server.url.replace("http:", "grpc:")
        limits = {"model_server_connect_s": 0.5, "model_server_answer_s": 1.0}
        with pytest.raises(ModelServerFailed, match="it does not speak gRPC there"):
            InferenceClient(endpoint(url, **limits), MODEL).describe()


def test_the_key_is_sent_as_metadata(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret-1\n")
    with serving(WORKS) as server:
        keys = f"triton={tmp_path / 'key'}"
        InferenceClient(endpoint(server.url, model_server_keys=keys), MODEL).infer(IMAGE)
    assert {metadata["authorization"] for _, _, metadata in server.asked} == {"Bearer secret-1"}
    assert all("MediViewAI" in metadata["user-agent"] for _, _, metadata in server.asked)


def test_a_key_does_not_travel_unencrypted() -> None:
    with pytest.raises(NotConfigured, match="would travel unencrypted"):
        endpoint("grpc://gpu1.example.org:8001", model_server_keys="triton=/run/key")


@pytest.mark.parametrize(
    "url", ["grpc://gpu1", "grpcs://gpu1:8001/v2", "grpc://me@gpu1:8001", "grpc://:8001"]
)
def test_an_address_that_cannot_be_one_of_grpc(url: str) -> None:
    with pytest.raises(NotConfigured):
        endpoint(url)


def test_the_authority_of_the_site_counts_and_no_other(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    with serving(WORKS, ours.issue("server")) as server:
        client = InferenceClient(endpoint(server.url, model_server_ca=ours.certificate), MODEL)
        np.testing.assert_array_equal(client.infer(IMAGE), two_classes(IMAGE))
        for ca in (other.certificate, None):
            with pytest.raises(ModelServerFailed, match="its certificate is not accepted"):
                InferenceClient(endpoint(server.url, model_server_ca=ca), MODEL).describe()
    with (
        serving(WORKS, ours.issue("server", "127.0.0.2")) as server,
        pytest.raises(ModelServerFailed, match="its certificate is not accepted"),
    ):
        InferenceClient(endpoint(server.url, model_server_ca=ours.certificate), MODEL).describe()


def test_a_name_that_leads_to_link_local_is_not_called() -> None:
    with pytest.raises(ModelServerFailed, match="leads to an address that the node does not call"):
        InferenceClient(endpoint("grpc://169.254.169.254:8001"), MODEL).describe()


def test_a_language_model_is_not_asked_over_grpc() -> None:
    with pytest.raises(ModelUnusable, match="language models are asked over HTTP"):
        models_of(endpoint("grpc://127.0.0.1:1"))
