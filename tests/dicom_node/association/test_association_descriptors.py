"""An association that comes to nothing leaves no socket open, without the garbage collector."""

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pynetdicom.presentation import build_context

from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import open_association
from dicom_node.network.tls import ClientTls
from dicom_node.peers import Peer, PeerFailed
from tests.patience import PATIENCE_S
from tests.services import free_port

ROUNDS = 5
Answer = Callable[[socket.socket], object]


@contextmanager
def listening(answer: Answer) -> Iterator[int]:
    """A port whose connections are given to `answer` one by one."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            # Until the end of the block, which may come early where a test fails.
            with suppress(OSError):
                while True:
                    connection, _address = server.accept()
                    with connection, suppress(ConnectionError):
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            # It wakes who waits in `accept`, which closing it would not.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def rejects(connection: socket.socket) -> None:
    """PS3.8 9.3.4: permanently, by the service user, without a reason."""
    connection.recv(65536)
    connection.sendall(bytes([3, 0, 0, 0, 0, 4, 0, 1, 1, 1]))
    connection.recv(1)


ANSWERS: dict[str, Answer] = {
    "closes at once": lambda connection: None,
    "answers nonsense": lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "rejects": rejects,
    "never answers": lambda connection: connection.recv(65536) and connection.recv(1),
}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def _leaves_none_open() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        yield
        # What another test's threads end meanwhile makes them fewer.
        deadline = time.monotonic() + PATIENCE_S
        while descriptors() > before:
            assert time.monotonic() < deadline, f"{descriptors() - before} more than before"
            time.sleep(0.02)
    finally:
        gc.enable()


def fail(peer: Peer) -> None:
    timeouts = Timeouts(connect_s=5.0, acse_s=0.3)
    for _ in range(ROUNDS):
        with pytest.raises(PeerFailed):
            open_association(peer, "NODE", [build_context("1.2.840.10008.1.1")], timeouts)


@pytest.mark.parametrize("tls", [None, ClientTls("none")], ids=["plain", "TLS"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_peer_that_gives_no_association(name: str, tls: ClientTls | None) -> None:
    with listening(ANSWERS[name]) as port:
        fail(replace(Peer("AWAY", "127.0.0.1", port), tls=tls))


def test_a_peer_that_is_away() -> None:
    fail(Peer("AWAY", "127.0.0.1", free_port()))


def test_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    tls = ClientTls("chain", ca=tmp_path / "missing.pem")
    with listening(lambda connection: connection.recv(1)) as port:
        fail(replace(Peer("AWAY", "127.0.0.1", port), tls=tls))
