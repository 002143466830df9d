"""Uploads that break off on the way."""

import hashlib
from pathlib import Path

import httpx
import pytest

from mediview_client import (
    ApiError,
    MediView,
    MediViewClientError,
    SourceChanged,
    UploadInterrupted,
)
from mediview_client.archives import opened
from tests.clients.python.node import ClosedNode
from tests.inference.small import mr_series


class Cut(httpx.HTTPTransport):
    """A connection that is cut once so many parts are through."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.left = parts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            if self.left == 0:
                raise httpx.WriteError("cut")
            self.left -= 1
        return super().handle_request(request)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two files that make an archive of two parts, the second one short."""
    folder = tmp_path / "large"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.bin").write_bytes(bytes([number]) * 9_000_000)
    return folder


def interrupted(closed: ClosedNode, source: Path) -> str:
    with (
        MediView(closed.url, closed.key, attempts=1, transport=Cut(1)) as cut,
        pytest.raises(UploadInterrupted) as stopped,
    ):
        cut.uploads.send(source)
    return stopped.value.upload_id


def test_another_process_sends_only_what_is_missing(closed: ClosedNode, large: Path) -> None:
    upload_id = interrupted(closed, large)
    shown: list[tuple[int, int]] = []
    with MediView(closed.url, closed.key, transport=Cut(1)) as node:
        assert [part["part_number"] for part in node.uploads.get(upload_id)["parts"]] == [1]
        upload = node.uploads.send(large, resume=upload_id, progress=lambda *so: shown.append(so))
        assert upload["state"] == "received"
        size_bytes = upload["size_bytes"]
        assert shown == [(16 * 2**20, size_bytes), (size_bytes, size_bytes)]
        # A second resume finds nothing to do.
        assert node.uploads.send(large, resume=upload_id)["state"] == "received"
    key = closed.storage.uploads.get(upload_id).object_key
    with closed.storage.objects.open(key) as stored, opened(large) as archive:
        sent = archive.read(0, archive.size_bytes)
        assert hashlib.sha256(stored.read()).digest() == hashlib.sha256(sent).digest()


def test_what_has_changed_since_is_not_joined_to_what_has_arrived(
    closed: ClosedNode, node: MediView, large: Path
) -> None:
    upload_id = interrupted(closed, large)
    (large / "1.bin").write_bytes(bytes([3]) * 9_000_000)
    with pytest.raises(SourceChanged, match="Part 1 was sent with other bytes"):
        node.uploads.send(large, resume=upload_id)
    (large / "3.bin").write_bytes(b"more")
    with pytest.raises(SourceChanged, match="begun with"):
        node.uploads.send(large, resume=upload_id)
    node.uploads.abort(upload_id)
    assert node.uploads.get(upload_id)["state"] == "aborted"


def test_a_connection_that_fails_for_a_moment_is_not_noticed(
    closed: ClosedNode, tmp_path: Path
) -> None:
    class Shaky(httpx.HTTPTransport):
        fails = True

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.fails = not self.fails
            response = super().handle_request(request)
            if self.fails and request.method == "POST":
                response.close()
                raise httpx.ReadError("the answer was lost")
            return response

    for number, instance in enumerate(mr_series("shaky")):
        (tmp_path / f"{number}.dcm").write_bytes(instance)
    with MediView(closed.url, closed.key, transport=Shaky()) as node:
        started = node.uploads.analyze(tmp_path)
    assert (started["instances"]["stored"], len(started["jobs"])) == (8, 1)


@pytest.mark.parametrize("refused", ["PUT", "/complete", "/analyze/start"])
def test_an_upload_goes_on_after_a_restart_of_the_node(
    closed: ClosedNode, tmp_path: Path, refused: str
) -> None:
    class Restarting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == refused or request.url.path.endswith(refused):
                return httpx.Response(503, request=request)
            return super().handle_request(request)

    name = refused.rpartition("/")[2]
    for number, instance in enumerate(mr_series(f"restart-{name}", 2)):
        (tmp_path / f"{number}.dcm").write_bytes(instance)
    with (
        MediView(closed.url, closed.key, attempts=1, transport=Restarting()) as away,
        pytest.raises(UploadInterrupted) as stopped,
    ):
        away.uploads.analyze(tmp_path)
    with MediView(closed.url, closed.key) as back:
        started = back.uploads.analyze(tmp_path, resume=stopped.value.upload_id)
    assert started["instances"]["stored"] == 2


def test_what_is_no_image_is_refused_with_the_reason(node: MediView, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("not DICOM")
    with pytest.raises(ApiError) as refused:
        node.uploads.analyze(tmp_path / "note.txt")
    assert (refused.value.status, refused.value.code) == (422, "nothing_usable")
    assert refused.value.remedy
    assert refused.value.request_id
    with pytest.raises(MediViewClientError, match="no file"):
        node.uploads.analyze(tmp_path / "missing")
