"""Decoded frames of hundreds of megabytes: so many are held at once, and none is copied whole."""

import tracemalloc

import pytest

from api.dicomweb.formats.held_answers import MOST_HELD_BYTES, holding
from api.dicomweb.retrieval import frame_answer
from storage.core.errors import TooManyRequests
from tests.api.client import is_problem
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of
from tests.api.dicomweb.retrieval.test_frames_encoded import grey, stored
from tests.attacks.support.poison import rle
from tests.inference.orchestration import wait_for

NATIVE = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
PARTS = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'
SIDE = 4096


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_answer, "LARGE_FRAME_BYTES", 1000)


def test_a_large_frame_leaves_as_it_is(empty_node: DicomwebNode, large: None) -> None:
    dataset = grey()
    native = dataset.PixelData
    dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    url = stored(empty_node, dataset)
    frames = [native[at * 6144 : (at + 1) * 6144] for at in range(3)]
    with empty_node.client(headers={"Accept": PARTS}) as client:
        assert bodies_of(client.get(f"{url}/frames/1,2,3")) == frames
        assert bodies_of(client.get(f"{url}/frames/3,1")) == [frames[2], frames[0]]
        assert bodies_of(client.get(f"{url}/frames/2")) == [frames[1]]
        one = client.get(f"{url}/frames/2", headers={"Accept": NATIVE})
        assert (one.status_code, one.content) == (200, frames[1])


def test_a_large_frame_waits_until_others_have_theirs(
    empty_node: DicomwebNode, large: None
) -> None:
    url = stored(empty_node, rle(64))
    small = stored(empty_node, rle(16))
    with empty_node.client(headers={"Accept": PARTS}) as client:
        with holding(MOST_HELD_BYTES):
            is_problem(client.get(f"{url}/frames/1"), 429, "too_many_requests")
            assert client.get(f"{small}/frames/1").status_code == 200
        for _ in range(3):
            assert client.get(f"{url}/frames/1").status_code == 200
    wait_for(can_hold_all, "giving back what was held")


def can_hold_all() -> bool:
    try:
        with holding(MOST_HELD_BYTES):
            return True
    except TooManyRequests:
        return False


def test_a_decoded_frame_is_in_memory_once(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_answer, "LARGE_FRAME_BYTES", SIDE * SIDE - 1)
    url = stored(empty_node, rle(SIDE))
    with empty_node.client(headers={"Accept": PARTS}) as client:
        assert client.get(f"{url}/frames/1").status_code == 200
        tracemalloc.start()
        try:
            with client.stream("GET", f"{url}/frames/1") as answer:
                received = sum(map(len, answer.iter_raw()))
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert received > SIDE * SIDE
    assert peak_bytes < 1.5 * SIDE * SIDE
