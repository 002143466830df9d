"""Folders and archives that give what is no instance, and give it for ever."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from pydicom.dataset import Dataset

from dicom_node.archives import receiving as module
from dicom_node.archives.http_archive import HttpArchive
from dicom_node.archives.receiving import Receiving
from dicom_node.association.base import NodeAssociation
from dicom_node.imports.folder import FolderSource
from dicom_node.network.multipart import NotMultipart, read_parts
from dicom_node.peers import PeerFailed
from dicom_node.retrieve import scu
from storage.core.errors import InvalidInstance
from storage.http.client import flowing
from storage.ingest.service import Ingest


class Refusing:
    """An ingest that takes nothing."""

    def open_stream(self, source: str, *, check: Callable[..., None]) -> Any:
        return self

    def write(self, piece: bytes) -> None:
        raise InvalidInstance("It is not DICOM.")

    def discard(self) -> None:
        """Nothing was kept."""


def refusing() -> Receiving:
    return Receiving(cast(Ingest, Refusing()), "import")


def test_pipes_devices_and_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "medium"
    folder.mkdir()
    (tmp_path / "other.dcm").write_bytes(b"x")
    (folder / "own").write_bytes(b"x" * 10)
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "out").symlink_to(tmp_path / "other.dcm")
    (folder / "in").symlink_to("own")
    (tmp_path / "2019").mkdir()
    (tmp_path / "2019" / "one.dcm").write_bytes(b"x")
    (folder / "year").symlink_to("../2019")
    (folder / "here").symlink_to(".")
    found = refusing()
    for part in FolderSource(folder).parts():
        part.fetch(found)
    reasons = {name: reason.split()[0:3] for name, reason in found.counts.refused}
    assert reasons == {
        "in": ["It", "is", "not"],
        "out": ["The", "link", "leads"],
        "own": ["It", "is", "not"],
        "pipe": ["It", "is", "not"],
        "year": ["The", "link", "leads"],
        "zero": ["The", "link", "leads"],
    }


def test_a_device_is_read_no_further_than_it_is_refused() -> None:
    found = refusing()
    with Path("/dev/zero").open("rb") as file:
        found.whole("zero", file)
    assert len(found.counts.refused) == 1


def test_an_archive_is_given_up_whose_answer_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_FORGOTTEN_BYTES", 100)
    monkeypatch.setattr(module, "_MOST_REFUSED", 5)
    found = refusing()
    found.begin("of study 1.2")
    found.write(b"x" * 10)
    found.write(b"x" * 90)
    with pytest.raises(PeerFailed, match="has no end"):
        found.write(b"x" * 20)
    found = refusing()

    def send_another() -> None:
        found.begin("of study 1.2")
        found.write(b"x")

    for _ in range(5):
        send_another()
    with pytest.raises(PeerFailed, match="More than 5 instances"):
        send_another()


def test_an_archive_is_given_up_whose_answer_trickles(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends a byte a minute kept the only one who fetches earlier studies, for ever."""
    seconds = iter(range(0, 10**6, 60))
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("storage.http.client.time", clock)
    sent = 0

    def trickle() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x"

    def stream() -> Iterator[bytes]:
        return (bytes(20_000) for _ in range(100))

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle() if not sent else stream())

    archive = HttpArchive("http://127.0.0.1:9", "")
    archive._client = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(PeerFailed, match="in time"):
        archive.json("/studies")
    assert sent < 10
    with archive.asked("/studies/1.2", "*/*") as whole:
        assert sum(map(len, flowing(whole))) == 2_000_000


@pytest.mark.parametrize("boundary", ["b" * 60_000, '""', '"a b"'])
def test_a_boundary_that_is_none_is_no_answer_of_several_parts(boundary: str) -> None:
    found = refusing()
    with pytest.raises(NotMultipart):
        read_parts(
            f"multipart/related; boundary={boundary}",
            [b"x"],
            begin=lambda: found.begin(""),
            write=found.write,
            finish=found.finish,
        )


def test_an_archive_is_given_up_that_is_pending_and_does_not_get_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutes = iter(range(0, 10**6, 60))
    monkeypatch.setattr(scu, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    association = SimpleNamespace(peer="ARCHIVE", abort=lambda: None)
    monkeypatch.setattr(scu, "end", lambda _association: None)
    said: list[int] = []

    def pending(moving: bool) -> Iterator[tuple[Dataset, None]]:
        for number in range(1000):
            said.append(number)
            response = Dataset()
            response.Status = 0xFF00
            response.NumberOfCompletedSuboperations = number if moving else 1
            yield response, None
        response.Status = 0x0000
        yield response, None

    def retrieved(moving: bool) -> scu.Retrieved:
        given = cast(NodeAssociation, association)
        return scu._retrieve(given, pending(moving), "C-MOVE", lambda _done, _total: None)

    assert retrieved(moving=True).completed == 999
    said.clear()
    with pytest.raises(PeerFailed, match="did not get on with C-MOVE"):
        retrieved(moving=False)
    assert len(said) < 100
