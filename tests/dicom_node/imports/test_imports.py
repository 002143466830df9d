"""Folders and archives are brought in bit for bit, once, and go on where they were interrupted."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dicom_node.imports.dicomweb import DicomwebSource
from dicom_node.imports.folder import FolderSource
from dicom_node.imports.http_archive import HttpArchive
from dicom_node.imports.importer import Imported, import_all
from dicom_node.imports.journal import Journal
from dicom_node.imports.orthanc import OrthancSource
from dicom_node.imports.sources import ImportSource
from dicom_node.peers import PeerFailed
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.core.sources import of_import
from tests.inference.destinations.nodes import archive
from tests.inference.orchestration import later, storage_in
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import OrthancServer, free_port


def bring_in(storage: Storage, source: ImportSource, run_pipelines: bool = False) -> Imported:
    path = storage.settings.data_dir / "imports" / f"{source.name}.jsonl"
    label = of_import(source.name, run_pipelines=run_pipelines)
    with closing(source), Journal(path) as journal:
        return import_all(storage.ingest, source, journal, label)


def held(storage: Storage, name: str) -> list[bytes]:
    found = []
    for series in storage.index.series_of(study_uid(name)):
        uids = series.study_instance_uid, series.series_instance_uid
        found += [storage.instances.read(one) for one in storage.index.instances_of(*uids)]
    return sorted(found)


def write(folder: Path, name: str, count: int = 5) -> list[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    files = mr_series(name, count)
    for number, content in enumerate(files):
        (folder / f"{name}{number}").write_bytes(content)
    return sorted(files)


class TestFolder:
    def test_each_file_is_taken_once_as_it_is(self, tmp_path: Path) -> None:
        source = FolderSource(tmp_path / "medium 1")
        first = write(tmp_path / "medium 1" / "IMAGES" / "A", "a")
        (tmp_path / "medium 1" / "DICOMDIR").write_bytes(b"a directory")
        (tmp_path / "medium 1" / "README.TXT").write_text("not an image")
        with storage_in(tmp_path) as storage:
            result = bring_in(storage, source)
            assert (result.counts.stored, len(result.counts.refused)) == (5, 1)
            name, reason = result.counts.refused[0]
            assert name == "README.TXT"
            assert "not a DICOM file" in reason
            assert held(storage, "a") == first
            again = bring_in(storage, source)
            assert (again.known, again.parts, again.counts.total) == (2, 2, 0)
            second = write(tmp_path / "medium 1" / "IMAGES" / "B", "b", 3)
            assert bring_in(storage, source).counts.stored == 3
            assert held(storage, "b") == second

    def test_pipelines_run_on_it_where_that_was_said(self, tmp_path: Path) -> None:
        with storage_in(tmp_path) as storage:
            write(tmp_path / "kept", "a")
            write(tmp_path / "used", "b")
            bring_in(storage, FolderSource(tmp_path / "kept"))
            bring_in(storage, FolderSource(tmp_path / "used"), run_pipelines=True)
            decisions = complete_and_schedule(storage, later(60), (BrightRegion(),))
            said = {one.study_instance_uid: one for one in decisions}
            assert said[study_uid("b")].accepted
            assert not said[study_uid("a")].accepted
            assert "was imported" in said[study_uid("a")].reason

    def test_two_imports_of_one_name_do_not_run_at_once(self, tmp_path: Path) -> None:
        script = "import os,sys,time; f=open(sys.argv[1],'a'); os.lockf(f.fileno(),os.F_LOCK,0); "
        journal = tmp_path / "one.jsonl"
        script += "print('locked', flush=True); time.sleep(60)"
        other = subprocess.Popen(
            [sys.executable, "-c", script, journal], stdout=subprocess.PIPE, text=True
        )
        try:
            assert other.stdout is not None
            other.stdout.readline()
            with pytest.raises(InvalidRequest, match="Another import writes"), Journal(journal):
                pass
        finally:
            other.kill()
            other.communicate()

    def test_half_a_line_of_a_killed_import_does_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "one.jsonl"
        path.write_bytes(b'{"key": "first"}\n{"key": "sec')
        with Journal(path) as journal:
            assert journal.is_done("first")
            journal.done("second")
        with Journal(path) as journal:
            assert journal.is_done("second")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OrthancServer, str]]:
    """Orthanc with two studies of another node's."""
    with archive(tmp_path_factory.mktemp("orthanc")) as (server, url):
        for name, count in (("a", 5), ("b", 3)):
            for content in mr_series(name, count):
                server.post("/instances", content)
        yield server, url


def test_an_orthanc_is_taken_over_by_its_own_api(
    tmp_path: Path, there: tuple[OrthancServer, str]
) -> None:
    server, _ = there
    with storage_in(tmp_path) as storage:
        result = bring_in(storage, OrthancSource(HttpArchive(server.url, "")))
        assert (result.parts, result.counts.stored, result.failed) == (2, 8, [])
        assert held(storage, "a") == sorted(mr_series("a", 5))
        assert bring_in(storage, OrthancSource(HttpArchive(server.url, ""))).known == 2


def test_a_dicomweb_archive_is_taken_over_by_what_studies_must_match(
    tmp_path: Path, there: tuple[OrthancServer, str]
) -> None:
    _, url = there
    with storage_in(tmp_path) as storage:
        query = {"StudyInstanceUID": study_uid("b")}
        result = bring_in(storage, DicomwebSource(HttpArchive(url, ""), query))
        assert (result.parts, result.counts.stored) == (1, 3)
        assert held(storage, "b") == sorted(mr_series("b", 3))
        everything = bring_in(storage, DicomwebSource(HttpArchive(url, ""), {}))
        assert (everything.known, everything.counts.stored) == (1, 5)


@contextmanager
def serving(answer: Callable[[str], tuple[str, bytes, int]]) -> Iterator[str]:
    """An archive that answers content type and body, and says that the body has some length."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, body, length = answer(self.path)
            self.send_response(200)
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


def listing(*uids: str) -> tuple[str, bytes, int]:
    body = json.dumps([{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in uids]).encode()
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

    with serving(answer) as there, storage_in(tmp_path) as storage:
        broken = bring_in(storage, DicomwebSource(HttpArchive(there, ""), {}))
        assert len(broken.failed) == 1
        assert "cannot be reached" in broken.failed[0]
        assert 0 < len(held(storage, "a")) < 6
        cut[0] = False
        assert bring_in(storage, DicomwebSource(HttpArchive(there, ""), {})).failed == []
        assert held(storage, "a") == sorted(mr_series("a", 6))


def test_a_study_that_ends_early_is_not_taken_for_whole(tmp_path: Path) -> None:
    """As a proxy ends it that has lost the archive: nothing of HTTP says so."""
    cut = of_parts(mr_series("a", 6)).rpartition(b"\r\n--xx--")[0][:-5000]

    def answer(path: str) -> tuple[str, bytes, int]:
        if "offset=0" in path:
            return listing(study_uid("a"))
        if "offset=" in path:
            return "application/dicom+json", b"[]", 2
        return 'multipart/related; type="application/dicom"; boundary=xx', cut, len(cut)

    with serving(answer) as there, storage_in(tmp_path) as storage:
        result = bring_in(storage, DicomwebSource(HttpArchive(there, ""), {}))
        assert "breaks off before its last boundary" in result.failed[0]
        assert bring_in(storage, DicomwebSource(HttpArchive(there, ""), {})).known == 0


def test_an_archive_that_knows_no_offset_is_listed_once(tmp_path: Path) -> None:
    body = of_parts(mr_series("a", 2))

    def answer(path: str) -> tuple[str, bytes, int]:
        if path.startswith("/studies?"):
            return listing(study_uid("a"))
        return 'multipart/related; type="application/dicom"; boundary=xx', body, len(body)

    with serving(answer) as there, storage_in(tmp_path) as storage:
        result = bring_in(storage, DicomwebSource(HttpArchive(there, ""), {}))
        assert (result.parts, result.counts.stored) == (1, 2)


def test_what_was_too_large_comes_in_once_it_may(tmp_path: Path) -> None:
    write(tmp_path / "large", "a", 2)
    with storage_in(tmp_path, max_instance_bytes=1000) as storage:
        refused = bring_in(storage, FolderSource(tmp_path / "large")).counts.refused
        assert len(refused) == 2
    with storage_in(tmp_path) as storage:
        assert bring_in(storage, FolderSource(tmp_path / "large")).counts.stored == 2


def test_a_secret_does_not_travel_unencrypted() -> None:
    with pytest.raises(InvalidRequest, match="unencrypted"):
        HttpArchive("http://pacs.example.org/dicom-web", "Bearer x")


@pytest.mark.parametrize(
    ("studies", "study", "complaint"),
    [
        (listing("1.2/../../admin"), None, "without a valid StudyInstanceUID"),
        (("application/json", b"{}{", 3), None, "no JSON"),
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

    with serving(answer) as there, storage_in(tmp_path) as storage:
        try:
            said = bring_in(storage, DicomwebSource(HttpArchive(there, ""), {})).failed[0]
        except PeerFailed as error:
            said = error.message
        assert complaint in said


def test_an_archive_that_is_away_is_given_up_and_found_again(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        source = OrthancSource(HttpArchive(f"http://127.0.0.1:{free_port()}", ""))
        with pytest.raises(PeerFailed, match="cannot be reached"):
            bring_in(storage, source)
