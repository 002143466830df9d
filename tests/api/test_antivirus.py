"""A virus scanner looks at files of strangers, and what it has not looked at is not taken."""

import io
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request
from pydantic import ValidationError
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from starlette.datastructures import FormData, UploadFile

from api.antivirus import check_bytes, check_file
from api.dicomweb.formats.negotiation import parse_accept
from api.dicomweb.rendering import documents
from api.errors import ApiProblem
from api.jobs import analyze, analyze_upload
from api.language import documents as questions
from storage.settings import Settings

INFECTED = b"%PDF- infected"


class Clamd:
    """Speaks INSTREAM as clamd does, and finds a word."""

    def __init__(self, listener: socket.socket, most_bytes: int = 1 << 20) -> None:
        self._listener = listener
        self._most_bytes = most_bytes
        self.seen: list[bytes] = []
        self.reply: bytes | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                assert reader.read(10) == b"zINSTREAM\0"
                content = b""
                while size := struct.unpack("!I", reader.read(4))[0]:
                    content += reader.read(size)
                    if len(content) > self._most_bytes:
                        connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                        while reader.read(1 << 20):
                            """Closing with bytes unread would take the answer along."""
                        break
                else:
                    self.seen.append(content)
                    found = b"Test-Signature FOUND" if b"infected" in content else b"OK"
                    connection.sendall(self.reply or b"stream: " + found + b"\0")


@pytest.fixture
def clamd() -> Iterator[tuple[Clamd, Settings]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        yield Clamd(listener), Settings(antivirus=address, antivirus_timeout_s=5)


def refused(settings: Settings, content: bytes) -> tuple[int, str]:
    with pytest.raises(ApiProblem) as raised:
        check_bytes(settings, content)
    return raised.value.status, raised.value.code


def test_a_file_is_looked_at_whole_and_left_at_its_beginning(
    clamd: tuple[Clamd, Settings],
) -> None:
    scanner, settings = clamd
    content = b"clean" * 200_000
    file = io.BytesIO(content)
    file.seek(3)
    check_file(settings, file)
    assert file.tell() == 0
    assert scanner.seen == [content]
    assert refused(settings, INFECTED) == (422, "malware_found")


def test_without_a_scanner_nothing_is_asked() -> None:
    check_bytes(Settings(), INFECTED)


def test_what_cannot_be_looked_at_is_not_taken(clamd: tuple[Clamd, Settings]) -> None:
    scanner, settings = clamd
    for reply in (b"stream: what? ERROR\0", b"UNKNOWN COMMAND\0", b"stream: NOT OK\0"):
        scanner.reply = reply
        assert refused(settings, b"x") == (503, "antivirus_unavailable")
    assert refused(settings, b"x" * (3 << 20)) == (413, "too_large_to_scan")


def test_a_scanner_that_is_away_or_silent_lets_nothing_in(tmp_path: Path) -> None:
    away = Settings(antivirus=str(tmp_path / "no.sock"))
    assert refused(away, b"x") == (503, "antivirus_unavailable")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        silent = Settings(antivirus=address, antivirus_timeout_s=0.05)
        assert refused(silent, b"x") == (503, "antivirus_unavailable")


def test_it_may_listen_at_a_socket_of_the_machine(tmp_path: Path) -> None:
    path = str(tmp_path / "clamd.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        Clamd(listener)
        assert refused(Settings(antivirus=path), INFECTED) == (422, "malware_found")


@pytest.mark.parametrize("address", ["clamd", "http://clamd:3310", "clamd:port", "a b:1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="antivirus"):
        Settings(antivirus=address)


def test_uploads_and_documents_are_looked_at_on_every_way(
    clamd: tuple[Clamd, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, settings = clamd
    storage = cast(Any, SimpleNamespace(settings=settings))
    file = UploadFile(io.BytesIO(INFECTED), filename="a.pdf")
    form = {"file": file, "question": "How large is it?"}
    header = Dataset()
    header.EncapsulatedDocument = INFECTED
    monkeypatch.setattr(documents, "read_header", lambda *_: (header, None))
    monkeypatch.setattr(documents, "content_key", lambda _instance: "key")
    app = SimpleNamespace(state=SimpleNamespace(settings=settings))
    request = Request({"type": "http", "headers": [], "app": app})
    nothing = cast(Any, None)
    instance = SimpleNamespace(
        size_bytes=len(INFECTED),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        location=SimpleNamespace(length=len(INFECTED)),
    )
    document = cast(Any, instance)
    ways = (
        lambda: analyze._take_form(storage, nothing, FormData([("files", file)])),
        lambda: analyze_upload._start(storage, nothing, nothing, io.BytesIO(INFECTED), None),
        lambda: questions._ask_about_file(settings, nothing, nothing, form, nothing),
        lambda: documents._encapsulated(request, nothing, document, parse_accept("*/*")),
    )
    for way in ways:
        with pytest.raises(ApiProblem) as raised:
            way()
        assert raised.value.code == "malware_found"
