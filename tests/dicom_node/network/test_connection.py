"""A connection whose peer does not keep up ends for both sides, and at once."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from dicom_node.network.connection import Connection, PeerTooSlow
from tests.patience import PATIENCE_S

_LIMIT_S = 0.3


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def test_a_peer_that_takes_nothing_hears_of_the_end_even_while_it_waits_to_send(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    connection = Connection(ours, timeout_s=_LIMIT_S)
    theirs.settimeout(0.1)
    with pytest.raises(TimeoutError):
        # More than anybody has room for: its kernel will wait to be told of room.
        theirs.sendall(bytes(64 << 20))
    with pytest.raises(PeerTooSlow, match="took nothing for"):
        connection.send([bytes(64 << 20)])

    started = time.monotonic()
    connection.drain(PATIENCE_S)
    connection.close()

    waiting = select.poll()
    waiting.register(theirs, 0)
    assert waiting.poll(PATIENCE_S * 1000), "an error is reported without being asked for"
    assert time.monotonic() - started < PATIENCE_S / 10
    with pytest.raises(ConnectionResetError):
        theirs.send(b"x")


def test_a_peer_that_left_answers_lying_is_not_waited_for_by_the_kernel(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    connection = Connection(ours, timeout_s=_LIMIT_S)
    connection.send([bytes(400 * 1024)])
    with pytest.raises(PeerTooSlow, match="Nothing came"):
        connection.receive_into(memoryview(bytearray(10)))

    connection.drain(_LIMIT_S)
    connection.close()

    waiting = select.poll()
    waiting.register(theirs, 0)
    assert waiting.poll(PATIENCE_S * 1000)


def test_what_was_said_last_arrives_at_a_peer_that_is_only_silent(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    connection = Connection(ours, timeout_s=_LIMIT_S)
    with pytest.raises(PeerTooSlow, match="Nothing came"):
        connection.receive_into(memoryview(bytearray(10)))
    connection.send([b"the last word"])
    connection.drain(_LIMIT_S)
    connection.close()
    assert theirs.recv(100) == b"the last word"
    assert theirs.recv(100) == b""
