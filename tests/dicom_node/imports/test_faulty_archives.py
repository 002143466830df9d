"""Answers of an archive that break off, end early or say what they should not are named."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dicom_node.archives.http_archive import HttpArchive
from dicom_node.imports import orthanc
from dicom_node.imports.dicomweb import DicomwebSource
from dicom_node.imports.orthanc import OrthancSource
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest
from tests.dicom_node.imports.importing import bring_in, stored_files
from tests.inference.orchestration import storage_in
from tests.inference.small import mr_series, study_uid
from tests.services import free_port


@contextmanager
def serving(
    answer: Callable[[str], tuple[str, bytes, int]], status_of_study: int = 200
) -> Iterator[str]:
    """An archive that answers content type and body, and says that the body has some length."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, body, length = answer(self.path)
            is_study = self.path.startswith("/studies/")
            self.send_response(status_of_study if is_study else 200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listing(*uids: str, count: int | None = None) -> tuple[str, bytes, int]:
    number = {} if count is None else {"00201208": {"vr": "IS", "Value": [count]}}
    studies = [{"0020000D": {"vr": "UI", "Value": [uid]}, **number} for uid in uids]
    body = json.dumps(studies).encode()
    return "application/dicom+json", body, len(body)


def of_parts(files: list[bytes]) -> bytes:
    head = b"\r\n--xx\r\nContent-Type: application/dicom\r\n\r\n"
    return head.join([b"", *files]) + b"\r\n--xx--\r\n"


def test_a_study_that_breaks_off_is_fetched_again(tmp_path: Path) -> None:
    whole = of_parts(mr_series("a", 6))
    cut = [True]

    def answer(path: str) -> tuple[str, bytes, int]:
        if "offset=0" in path:
            return listing(study_uid("a"))
        if "offset=" in path:
            return "application/dicom+json", b"[]", 2
        body = whole[: len(whole) // 2] if cut[0] else whole
        return 'multipart/related; type="application/dicom"; boundary=xx', body, len(whole)

    with serving(answer) as url, storage_in(tmp_path) as storage:
        broken = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert len(broken.failed) == 1
        assert "cannot be reached" in broken.failed[0]
        assert 0 < len(stored_files(storage, "a")) < 6
        cut[0] = False
        assert bring_in(storage, DicomwebSource(HttpArchive(url, ""), {})).failed == []
        assert stored_files(storage, "a") == sorted(mr_series("a", 6))


def test_a_study_that_ends_early_is_not_taken_for_whole(tmp_path: Path) -> None:
    """As a proxy ends it that has lost the archive: nothing of HTTP says so."""
    cut = of_parts(mr_series("a", 6)).rpartition(b"\r\n--xx--")[0][:-5000]

    def answer(path: str) -> tuple[str, bytes, int]:
        if "offset=0" in path:
            return listing(study_uid("a"))
        if "offset=" in path:
            return "application/dicom+json", b"[]", 2
        return 'multipart/related; type="application/dicom"; boundary=xx', cut, len(cut)

    with serving(answer) as url, storage_in(tmp_path) as storage:
        result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert "breaks off before its last boundary" in result.failed[0]
        assert bring_in(storage, DicomwebSource(HttpArchive(url, ""), {})).known == 0


@pytest.mark.parametrize(
    ("status", "of", "sent", "complaint"),
    [
        (200, "a", (0, 1), "listed 3 instances and sent 2 of them"),
        (206, "a", (0, 1, 2), "a part of a study, as it says itself"),
        (200, "a", (0, 1, 1), "listed 3 instances and sent 2 of them"),
        (200, "b", (0, 1, 2), "listed 3 instances and sent 0 of them"),
    ],
    ids=["too few", "HTTP 206", "one twice", "another study"],
)
def test_what_comes_is_compared_with_what_was_asked(
    tmp_path: Path, status: int, of: str, sent: tuple[int, ...], complaint: str
) -> None:
    """And asked for again by the next run, which gets all of it."""
    right, is_right = of_parts(mr_series("a", 3)), [False]
    files = mr_series(of, 3)
    wrong = of_parts([files[number] for number in sent])

    def answer(path: str) -> tuple[str, bytes, int]:
        if path.startswith("/studies?"):
            return listing(study_uid("a"), count=3)
        body = right if is_right[0] else wrong
        return 'multipart/related; type="application/dicom"; boundary=xx', body, len(body)

    with storage_in(tmp_path) as storage:
        with serving(answer, status) as url:
            result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert complaint in result.failed[0]
        if of == "b":
            assert storage.index.series_of(study_uid("b")) == []
        is_right[0] = True
        with serving(answer) as url:
            result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
            assert (result.failed, result.known) == ([], 0)
            assert stored_files(storage, "a") == sorted(mr_series("a", 3))
            assert bring_in(storage, DicomwebSource(HttpArchive(url, ""), {})).known == 1


def test_an_archive_that_knows_no_offset_is_listed_once(tmp_path: Path) -> None:
    body = of_parts(mr_series("a", 2))

    def answer(path: str) -> tuple[str, bytes, int]:
        if path.startswith("/studies?"):
            return listing(study_uid("a"))
        return 'multipart/related; type="application/dicom"; boundary=xx', body, len(body)

    with serving(answer) as url, storage_in(tmp_path) as storage:
        result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert (result.parts, result.counts.stored) == (1, 2)


def test_a_secret_does_not_travel_unencrypted() -> None:
    with pytest.raises(InvalidRequest, match="unencrypted"):
        HttpArchive("http://pacs.example.org/dicom-web", "Bearer x")


@pytest.mark.parametrize(
    ("studies", "study", "complaint"),
    [
        (listing("1.2/../../admin"), None, "without a valid StudyInstanceUID"),
        (("application/json", b"{}{", 3), None, "not JSON"),
        (("application/json", b'{"a": 1}', 8), None, "no list of studies"),
        (listing("1.2.3"), ("text/html", b"hello", 5), "something else than multipart"),
        (listing("1.2.3"), ("multipart/related; boundary=xx", b"hello", 5), "taken apart"),
        (listing("1.2.3"), ("multipart/related; boundary=xx", b"", 0), "breaks off"),
    ],
)
def test_what_an_archive_should_not_answer_is_named(
    tmp_path: Path, studies: tuple[str, bytes, int], study: Any, complaint: str
) -> None:
    empty = "application/json", b"[]", 2

    def answer(path: str) -> tuple[str, bytes, int]:
        if path.startswith("/studies/"):
            return study  # type: ignore[no-any-return]
        return studies if "offset=0" in path else empty

    with serving(answer) as url, storage_in(tmp_path) as storage:
        try:
            stated = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {})).failed[0]
        except PeerFailed as error:
            stated = error.message
        assert complaint in stated


@pytest.mark.parametrize(
    ("studies", "complaint"),
    [
        (["ab", "cd"], "a study without its data"),
        ([{"ID": "../../tools/shutdown"}], "without an identifier"),
        ([{"ID": "ab", "LastUpdate": "2024" * 100}], "without a valid LastUpdate"),
        ([{"ID": "ab", "LastUpdate": ["2024"]}], "without a valid LastUpdate"),
        ([{"ID": "ab", "MainDicomTags": {}}], "without a valid StudyInstanceUID"),
        ([{"ID": "ab", "MainDicomTags": {"StudyInstanceUID": "../1"}}], "valid StudyInstanceUID"),
    ],
)
def test_what_an_orthanc_should_not_list_is_named(
    tmp_path: Path, studies: list[Any], complaint: str
) -> None:
    body = json.dumps(studies).encode()
    with (
        serving(lambda _path: ("application/json", body, len(body))) as url,
        storage_in(tmp_path) as storage,
        pytest.raises(PeerFailed, match=complaint),
    ):
        bring_in(storage, OrthancSource(HttpArchive(url, "")))


@pytest.mark.parametrize(
    ("of", "sent", "count", "complaint"),
    [
        ("a", (0, 1), 3, "listed 3 instances of the study"),
        ("a", (0, 1, 1), 3, "and sent 2 of them"),
        ("b", (0, 1, 2), 3, "and sent 0 of them"),
    ],
    ids=["too few", "one twice", "another study"],
)
def test_what_an_orthanc_sends_is_compared_with_what_it_listed(
    tmp_path: Path, of: str, sent: tuple[int, ...], count: int, complaint: str
) -> None:
    """And asked for again by the next run, which gets all of it."""
    right, is_right = mr_series("a", 3), [False]
    wrong = mr_series(of, 3)

    def answer(path: str) -> tuple[str, bytes, int]:
        ids = (0, 1, 2) if is_right[0] else range(len(sent))
        found: Any = [f"{number:02x}" for number in ids]
        if path.startswith("/studies?"):
            tags = {"StudyInstanceUID": study_uid("a")}
            found = [] if "since=1" in path else [{"ID": "ab", "MainDicomTags": tags}]
        elif path.startswith("/studies/ab/statistics"):
            # As Orthanc writes numbers.
            found = {"CountInstances": str(count)}
        elif path.endswith("/file"):
            number = int(path.split("/")[2], 16)
            body = right[number] if is_right[0] else wrong[sent[number]]
            return "application/dicom", body, len(body)
        body = json.dumps(found).encode()
        return "application/json", body, len(body)

    with storage_in(tmp_path) as storage, serving(answer) as url:
        result = bring_in(storage, OrthancSource(HttpArchive(url, "")))
        assert complaint in result.failed[0]
        if of == "b":
            assert storage.index.series_of(study_uid("b")) == []
        is_right[0] = True
        result = bring_in(storage, OrthancSource(HttpArchive(url, "")))
        assert (result.failed, result.known) == ([], 0)
        assert stored_files(storage, "a") == sorted(right)
        assert bring_in(storage, OrthancSource(HttpArchive(url, ""))).known == 1


@pytest.mark.timeout(60)
def test_an_orthanc_whose_list_has_no_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances: list[str] = []

    def answer(path: str) -> tuple[str, bytes, int]:
        found: list[Any] = instances
        if path.startswith("/studies?"):
            since = int(path.partition("since=")[2].partition("&")[0])
            tags = {"StudyInstanceUID": "1.2.3"}
            found = [
                {"ID": f"{since + number:08x}", "MainDicomTags": tags} for number in range(500)
            ]
        body = b"no instance" if path.endswith("/file") else json.dumps(found).encode()
        return "application/json", body, len(body)

    with serving(answer) as url, storage_in(tmp_path) as storage:
        # Of studies that hold nothing, which no Orthanc keeps.
        given_up = bring_in(storage, OrthancSource(HttpArchive(url, "")))
        assert given_up.was_given_up
        assert "without an instance" in given_up.failed[0]
        # Of others: after more than any Orthanc holds.
        instances.append("ab")
        monkeypatch.setattr(orthanc, "_MOST_STUDIES", 20)
        with pytest.raises(PeerFailed, match="more than 20 studies"):
            bring_in(storage, OrthancSource(HttpArchive(url, "")))


def test_an_archive_that_is_away_is_given_up_and_found_again(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        source = OrthancSource(HttpArchive(f"http://127.0.0.1:{free_port()}", ""))
        with pytest.raises(PeerFailed, match="cannot be reached"):
            bring_in(storage, source)
