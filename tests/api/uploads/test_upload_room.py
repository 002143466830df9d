"""Uploads leave room for what modalities send, for the index and for the audit trail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.volumes.writer import VolumeWriter
from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import is_problem
from tests.storage.instances import part10

MIB = 1 << 20
_MARK_BYTES = 100 * MIB
_WANTED = {"filename": "a.zip", "content_type": "application/zip"}


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    settings = closed_settings(tmp_path, upload_max_bytes=8 * MIB)
    settings = settings.model_copy(update={"free_disk_mark_bytes": _MARK_BYTES})
    with closed_node(settings) as node:
        yield node


def leaves(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(VolumeWriter, "free_bytes", lambda _self: free_bytes)


@pytest.mark.parametrize("kind", ["presign", "multipart"])
def test_none_begins_that_would_not_leave_twice_the_mark(
    closed: ClosedNode, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {**_WANTED, "size_bytes": 4 * MIB}
    with closed.signed_in("ada", "radiologist") as ada:
        leaves(monkeypatch, 2 * _MARK_BYTES + 8 * MIB)
        assert ada.post(f"/api/uploads/{kind}", json=wanted).status_code in (200, 201)
        leaves(monkeypatch, 2 * _MARK_BYTES + 8 * MIB - 1)
        refused = ada.post(f"/api/uploads/{kind}", json=wanted)
        assert "leave 200 MiB" in is_problem(refused, 507, "storage_full")["detail"]


def test_a_part_is_refused_once_there_is_no_room_and_instances_still_come_in(
    closed: ClosedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {**_WANTED, "size_bytes": 6 * MIB, "part_size_bytes": 5 * MIB}
    with closed.signed_in("ada", "radiologist") as ada:
        leaves(monkeypatch, 10**12)
        upload = ada.post("/api/uploads/multipart", json=wanted).json()["upload_id"]
        parts = ada.post(f"/api/uploads/{upload}/parts", json={"part_numbers": [1, 2]}).json()
        first, second = (one["url"] for one in parts["items"])
        assert ada.put(first, content=bytes(5 * MIB)).status_code == 200
        # As others fill the disk.
        leaves(monkeypatch, 2 * _MARK_BYTES)
        is_problem(ada.put(second, content=bytes(MIB)), 507, "storage_full")
        found = ada.get(f"/api/uploads/{upload}").json()
        assert [one["part_number"] for one in found["parts"]] == [1]
        outcome = closed.storage.ingest.accept(part10(instance="1"), "dimse:CT1").outcome
        assert outcome == "stored"
        leaves(monkeypatch, 10**12)
        assert ada.put(second, content=bytes(MIB)).status_code == 200
        # Joined, the parts take as much once more.
        leaves(monkeypatch, 2 * _MARK_BYTES + MIB)
        is_problem(ada.post(f"/api/uploads/{upload}/complete"), 507, "storage_full")
        leaves(monkeypatch, 10**12)
        assert ada.post(f"/api/uploads/{upload}/complete").status_code == 200


def test_so_many_bytes_of_one_person_have_begun_at_most(closed: ClosedNode) -> None:
    wanted = {**_WANTED, "size_bytes": 8 * MIB}
    with (
        closed.signed_in("ada", "radiologist") as ada,
        closed.signed_in("bob", "radiologist") as bob,
    ):
        for _ in range(16):
            assert ada.post("/api/uploads/multipart", json=wanted).status_code == 201
        refused = ada.post("/api/uploads/multipart", json={**wanted, "size_bytes": 1})
        assert "128 MiB" in is_problem(refused, 429, "too_many_requests")["detail"]
        assert bob.post("/api/uploads/multipart", json=wanted).status_code == 201
