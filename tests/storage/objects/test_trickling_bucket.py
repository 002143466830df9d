"""The node's own bucket sends and takes bodies byte by byte: the call ends."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from pydantic import SecretStr

from storage.core.errors import StorageUnavailable
from storage.http import boto_deadlines
from storage.objects.s3 import S3Objects
from storage.settings import Settings
from tests.trickling import trickling

_ONE_BYTE = b"HTTP/1.1 206 OK\r\nContent-Length: 1000000\r\n\r\n"
_LISTING = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1000000\r\n\r\n<"


def bucket(url: str) -> S3Objects:
    return S3Objects(
        Settings(
            object_store="s3",
            s3_endpoint_url=url,
            s3_bucket="bucket",
            s3_access_key_id="key",
            s3_secret_access_key=SecretStr("secret"),
        )
    )


@contextmanager
def pace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A second for a start, and 10 kB a second; what takes longer than a minute failed."""
    monkeypatch.setattr(boto_deadlines, "_GRACE_S", 1.0)
    monkeypatch.setattr(boto_deadlines, "_LEAST_BYTES_PER_S", 10_000)
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 60


CALLS: dict[str, Callable[[S3Objects], object]] = {
    "whole": lambda objects: objects.get("object"),
    "range": lambda objects: objects.get_range("object", 0, 1_000_000),
    "listing": lambda objects: list(objects.list("dicom/")),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_body_that_trickles_ends_the_call(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    start = _LISTING if call == "listing" else _ONE_BYTE
    with pace(monkeypatch), trickling(start=start) as server:
        objects = bucket(server.url)
        with pytest.raises(StorageUnavailable):
            CALLS[call](objects)


@contextmanager
def sipping(bytes_at_once: int) -> Iterator[str]:
    """Takes in a request so many bytes every tenth of a second, and never answers."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def sip(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            while not done.wait(0.1) and caller.recv(bytes_at_once):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.settimeout(0.1)

        def serve() -> None:
            while not done.is_set():
                with suppress(TimeoutError):
                    threads.append(threading.Thread(target=sip, args=(listener.accept()[0],)))
                    threads[-1].start()

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            for thread in (server, *threads):
                thread.join()


def test_a_bucket_that_takes_in_a_body_too_slowly_ends_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pace(monkeypatch), sipping(200) as url, pytest.raises(StorageUnavailable):
        bucket(url).put("object", io.BytesIO(bytes(20_000_000)))


def test_a_body_that_keeps_pace_may_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some 20 kB a second, for longer than the time for a start."""
    body = bytes(40_000)
    done = threading.Event()

    def answer(listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with caller:
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
            for start in range(0, len(body), 2000):
                caller.sendall(body[start : start + 2000])
                done.wait(0.1)

    with pace(monkeypatch), socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer, args=(listener,))
        server.start()
        assert bucket(f"http://127.0.0.1:{listener.getsockname()[1]}").get("object") == body
        server.join()
