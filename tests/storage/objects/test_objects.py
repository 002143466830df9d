"""One contract for both object stores, tested over the wire on a real S3 server."""

import hashlib
import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from storage.container import Storage
from storage.core.entities import StoreAssociation
from storage.core.errors import InvalidRequest, NotFound
from storage.objects.filesystem import FilesystemObjects
from storage.objects.store import ObjectStore
from storage.volumes.records import Note


@pytest.fixture
def objects(storage: Storage) -> ObjectStore:
    return storage.objects


def test_put_get_range_list_delete(objects: ObjectStore) -> None:
    objects.check()
    objects.put("a/b.bin", b"0123456789")
    objects.put("a/c.bin", io.BytesIO(b"x" * 100_000))
    assert objects.get("a/b.bin") == b"0123456789"
    assert objects.get_range("a/b.bin", 3, 4) == b"3456"
    assert objects.get_range("a/b.bin", 8, 40) == b"89"
    assert objects.size("a/c.bin") == 100_000
    assert sorted(objects.list("a/")) == ["a/b.bin", "a/c.bin"]
    objects.put("a/b.bin", b"new")
    assert objects.get("a/b.bin") == b"new"
    with objects.open("a/c.bin") as stream:
        stream.seek(-5, io.SEEK_END)
        assert stream.read() == b"xxxxx"
    objects.delete("a/b.bin")
    objects.delete("a/b.bin")
    assert not objects.exists("a/b.bin")


def test_objects_are_listed_with_how_what_they_hold_came(
    objects: ObjectStore, tmp_path: Path
) -> None:
    came_at = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
    small = Note("dimse:CT1", "received", came_at, association=StoreAssociation("ÆT", "fe80::1"))
    stream = Note("stow:Jürgen, 東京", "received", came_at + timedelta(milliseconds=1))
    large = Note("result:7", "generated", came_at + timedelta(milliseconds=2))
    file = tmp_path / "large"
    file.write_bytes(bytes(33 << 20))
    # The last first, and in one second: when they were stored would tell another order.
    with file.open("rb") as content:
        objects.put("some/large", content, note=large)
    objects.put("some/small", b"1", note=small)
    objects.put("some/stream", io.BytesIO(b"2"), note=stream)
    objects.put("some/without", b"3", note=small)
    before = datetime.now(UTC) - timedelta(seconds=2)
    objects.put("some/without", b"4")
    listed = {one.key: one for one in objects.list_with_notes("some/")}
    without = listed.pop("some/without")
    assert without.note is None
    assert before < without.received_at == without.stored_at
    assert {key: one.note for key, one in listed.items()} == {
        "some/small": small,
        "some/stream": stream,
        "some/large": large,
    }
    assert listed["some/small"].received_at == came_at
    objects.delete("some/small")
    assert sorted(objects.list("some/")) == ["some/large", "some/stream", "some/without"]


def test_what_is_not_there_is_not_found(objects: ObjectStore) -> None:
    for look_up in (objects.get, objects.size, objects.open):
        with pytest.raises(NotFound):
            look_up("no/such")


@pytest.mark.parametrize("key", ["../x", "a/../b", "/etc/passwd", "a//b", ".hidden", "a\\b", ""])
def test_a_key_cannot_leave_its_folder(objects: ObjectStore, key: str) -> None:
    with pytest.raises(InvalidRequest):
        objects.put(key, b"")


def test_a_presigned_upload_takes_what_was_agreed_and_nothing_else(objects: ObjectStore) -> None:
    presigned = objects.presign_put("up/one", "application/zip", max_bytes=10, expires_s=60)
    if isinstance(objects, FilesystemObjects):
        claim = objects.verify_token(presigned.url.partition("token=")[2])
        assert (claim.key, claim.content_type, claim.max_bytes) == ("up/one", "application/zip", 10)
        return
    assert presigned.method == "POST"
    too_large = httpx.post(presigned.url, data=presigned.fields, files={"file": b"x" * 11})
    assert too_large.status_code >= 400
    other_type = presigned.fields | {"Content-Type": "text/html"}
    assert httpx.post(presigned.url, data=other_type, files={"file": b"x"}).status_code >= 400
    taken = httpx.post(presigned.url, data=presigned.fields, files={"file": b"x" * 10})
    assert taken.is_success, taken.text
    assert objects.get("up/one") == b"x" * 10


def test_a_presigned_plain_put(objects: ObjectStore) -> None:
    presigned = objects.presign_plain_put("up/two", "application/zip", 10, 60)
    assert presigned.method == "PUT"
    if isinstance(objects, FilesystemObjects):
        assert objects.verify_token(presigned.url.partition("token=")[2]).max_bytes == 10
        return
    assert httpx.put(presigned.url, content=b"zip", headers=presigned.headers).is_success
    assert objects.get("up/two") == b"zip"


def test_an_expired_or_altered_url_is_refused(objects: ObjectStore) -> None:
    if isinstance(objects, FilesystemObjects):
        token = objects.presign_put("up/x", "image/png", 10, 0).url.partition("token=")[2]
        with pytest.raises(InvalidRequest, match="expired"):
            objects.verify_token(token)
        good = objects.presign_put("up/x", "image/png", 10, 60).url.partition("token=")[2]
        for forged in (good[:-2] + "xx", "A" + good[1:], "", "a.b", "é.b"):
            with pytest.raises(InvalidRequest, match="not one that this node signed"):
                objects.verify_token(forged)
        return
    presigned = objects.presign_put("up/x", "image/png", 10, 1)
    time.sleep(2)
    late = httpx.post(presigned.url, data=presigned.fields, files={"file": b"x"})
    assert late.status_code == 403


def test_an_upload_in_parts_is_resumed_and_joined_in_their_order(objects: ObjectStore) -> None:
    size = 5 * 1024 * 1024
    data = bytes([1]) * size + bytes([2]) * size + b"the end"
    name = objects.begin_parts("uploads/one", "application/zip")
    assert list(objects.parts("uploads/one", name)) == []
    for number, start in ((3, 2 * size), (1, 0)):
        put_part(objects, name, number, data[start : start + size])
    put_part(objects, name, 1, data[:size])
    assert [(one.part_number, one.size_bytes) for one in objects.parts("uploads/one", name)] == [
        (1, size),
        (3, 7),
    ]
    put_part(objects, name, 2, data[size : 2 * size])
    assert not objects.exists("uploads/one")
    assert list(objects.list("")) == []
    objects.join_parts("uploads/one", name, objects.parts("uploads/one", name))
    assert objects.get("uploads/one") == data
    with pytest.raises(NotFound, match="over"):
        objects.parts("uploads/one", name)
    objects.drop_parts("uploads/one", name)
    assert objects.get("uploads/one") == data


def test_an_upload_in_parts_that_was_dropped_is_over(objects: ObjectStore) -> None:
    name = objects.begin_parts("uploads/one", "application/zip")
    put_part(objects, name, 1, b"a part")
    objects.drop_parts("uploads/one", name)
    objects.drop_parts("uploads/one", name)
    with pytest.raises(NotFound, match="over"):
        objects.parts("uploads/one", name)
    assert not objects.exists("uploads/one")


def put_part(objects: ObjectStore, name: str, number: int, data: bytes) -> None:
    """As a client does it: to the bucket by its URL; to the node's own folder by the node."""
    if isinstance(objects, FilesystemObjects):
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        objects.put_part(name, number, io.BytesIO(data), digest)
        return
    where = objects.presign_part("uploads/one", name, number, len(data), 60)
    assert httpx.put(where.url, content=data + b"x").status_code == 403
    assert httpx.put(where.url, content=data).status_code == 200
