"""Large answers stand in memory until their readers have them, and so many at a time."""

import time

import pytest

from api.dicomweb.formats import held_answers
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.retrieval.test_bulkdata import JSON
from tests.api.dicomweb.retrieval.test_many_values import with_values


def test_who_does_not_read_keeps_the_room_and_gives_it_back(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_answers, "_LARGE_BYTES", 1024)
    monkeypatch.setattr(held_answers, "MOST_HELD_BYTES", 20 << 20)
    # 15 MB, which no socket's buffers take.
    stored = empty_node.storage.ingest.accept(with_values("UT", "y" * 59_998, 250), "test")
    path = f"{empty_node.path_of(stored.sop_instance_uid)}/metadata"
    plain = {**JSON, "Accept-Encoding": "identity"}
    with empty_node.client() as client:
        with client.stream("GET", path, headers=plain) as slow:
            assert slow.status_code == 200
            with empty_node.client() as other:
                refused = other.get(path, headers=plain)
                assert refused.status_code == 429
                assert "Retry-After" in refused.headers
            length = sum(map(len, slow.iter_bytes()))
        assert length == int(slow.headers["Content-Length"]) > 14 << 20
        assert client.get(path, headers=plain).status_code == 200
    # One that hangs up gives it back as well.
    with empty_node.client() as client, client.stream("GET", path, headers=plain) as slow:
        next(slow.iter_bytes())
    for _ in range(100):
        with empty_node.client() as client:
            answer = client.get(path, headers=plain)
        if answer.status_code == 200:
            break
        time.sleep(0.1)
    assert answer.status_code == 200, answer.text
