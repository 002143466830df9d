"""Files that leave by sendfile arrive whole: slow, leaving, pipelining and old clients."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
import pytest

from tests.api.client import ApiNode
from tests.patience import PATIENCE_S
from tests.storage.instances import part10

_SIDE = 2048
_SIZE = _SIDE * _SIDE * 2 * 3
_HEAD_END = b"\r\n\r\n"


@pytest.fixture
def stored(api: ApiNode) -> tuple[str, bytes]:
    """The path of an instance with three frames of 8 MB of noise, and its bytes."""
    body = part10(Rows=_SIDE, Columns=_SIDE, NumberOfFrames=3, PixelData=os.urandom(_SIZE))
    answer = api.client.post(
        "/dicom-web/studies", content=body, headers={"Content-Type": "application/dicom"}
    )
    assert answer.status_code == 200, answer.text
    one = pydicom.dcmread(BytesIO(body), stop_before_pixels=True)
    return (
        f"/dicom-web/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}"
        f"/instances/{one.SOPInstanceUID}",
        body,
    )


@contextmanager
def connected(api: ApiNode) -> Iterator[socket.socket]:
    port = int(api.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def request(path: str, accept: str = "application/dicom", version: str = "1.1") -> bytes:
    return f"GET {path} HTTP/{version}\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode()


def answer_of(connection: socket.socket, pause_s: float = 0.0) -> tuple[bytes, bytes]:
    """The head and body of one answer, read in sips where a pause is given."""
    data = bytearray()
    while _HEAD_END not in data:
        received = connection.recv(1)
        assert received
        data += received
    length = int(bytes(data).lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = bytearray()
    while len(body) < length:
        body += connection.recv(min(length - len(body), 1 << 20))
        time.sleep(pause_s)
    return bytes(data), bytes(body)


def test_a_slow_client_gets_every_byte_while_others_are_served(
    api: ApiNode, stored: tuple[str, bytes]
) -> None:
    path, body = stored
    with connected(api) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        slow.sendall(request(path))
        time.sleep(0.3)
        started = time.monotonic()
        quick = httpx.get(api.url + path, headers={"Accept": "application/dicom"})
        assert quick.content == body
        assert time.monotonic() - started < 5
        _, received = answer_of(slow, pause_s=0.001)
    assert hashlib.sha256(received).digest() == hashlib.sha256(body).digest()


def test_clients_that_leave_midway_take_nothing_with_them(
    api: ApiNode, stored: tuple[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    path, body = stored
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with connected(api) as leaving:
            leaving.sendall(request(path))
            leaving.recv(100_000)
    deadline = time.monotonic() + PATIENCE_S
    while len(list(Path("/proc/self/fd").iterdir())) > open_before + 8:
        assert time.monotonic() < deadline, "descriptors stay open"
        time.sleep(0.05)
    again = api.client.get(path, headers={"Accept": "application/dicom"})
    assert again.content == body
    # To leave is no fault of the node's.
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


def test_one_connection_carries_files_and_other_answers_in_turn(
    api: ApiNode, stored: tuple[str, bytes]
) -> None:
    path, body = stored
    with connected(api) as connection:
        # All at once, before the first answer is read.
        connection.sendall(
            request(path)
            + request(f"{path}/frames/2", "application/octet-stream")
            + request("/api/pipelines", "application/json")
            + request(f"{path}/frames/1,3", "multipart/related; type=application/octet-stream")
            + request(path)
        )
        assert answer_of(connection)[1] == body
        pixels = body[-_SIZE:]
        third = _SIZE // 3
        assert answer_of(connection)[1] == pixels[third : 2 * third]
        assert answer_of(connection)[1].startswith(b"{")
        parts = answer_of(connection)[1]
        assert pixels[:third] in parts
        assert pixels[2 * third :] in parts
        assert pixels[third : 2 * third] not in parts
        assert answer_of(connection)[1] == body


def test_an_old_client_is_told_the_end_by_the_end_of_the_connection(
    api: ApiNode, stored: tuple[str, bytes]
) -> None:
    path, body = stored
    with connected(api) as connection:
        connection.sendall(request(path, version="1.0"))
        assert answer_of(connection)[1] == body
        assert connection.recv(1) == b""


def test_many_clients_at_once_each_get_their_own(api: ApiNode, stored: tuple[str, bytes]) -> None:
    path, body = stored
    third = _SIZE // 3
    wrong = []

    def ask(frame: int) -> None:
        expected = body[len(body) - _SIZE + (frame - 1) * third :][:third]
        with connected(api) as connection:
            for _ in range(3):
                connection.sendall(request(f"{path}/frames/{frame}", "application/octet-stream"))
                if answer_of(connection)[1] != expected:
                    wrong.append(frame)

    threads = [threading.Thread(target=ask, args=(number % 3 + 1,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
