"""An archive that lists studies with endless values by QIDO-RS."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from dicom_node.archives.dicomweb import DicomwebArchive
from dicom_node.archives.http_archive import ONE_PATIENT, HttpArchive
from dicom_node.peers import PeerFailed


class Talkative(BaseHTTPRequestHandler):
    """A page is one study, with a description of a MB."""

    pages: ClassVar[int] = 0

    def do_GET(self) -> None:
        Talkative.pages += 1
        study = {
            "0020000D": {"vr": "UI", "Value": [f"1.2.{Talkative.pages}"]},
            "00081030": {"vr": "LO", "Value": ["x" * 1_000_000]},
            "00104000": {"vr": "LT", "Value": ["not asked for"]},
        }
        body = json.dumps([study]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def talkative() -> Iterator[DicomwebArchive]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Talkative)
    serving = Thread(target=server.serve_forever)
    serving.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        with closing(DicomwebArchive(HttpArchive(address, "", limits=ONE_PATIENT))) as archive:
            yield archive
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def test_its_studies_are_bounded_together(talkative: DicomwebArchive) -> None:
    """Each page is; five hundred of them were half a GB."""
    Talkative.pages = 0
    with pytest.raises(PeerFailed, match="more than 8388608 bytes of attributes"):
        talkative.studies({"PatientID": "1"}, 500)
    assert Talkative.pages == 9


def test_what_was_not_asked_for_is_not_kept(talkative: DicomwebArchive) -> None:
    found = talkative.studies({"PatientID": "1"}, 2)
    assert not found.is_complete
    assert [set(one.attributes) for one in found.studies] == [
        {"StudyInstanceUID", "StudyDescription"}
    ] * 2
