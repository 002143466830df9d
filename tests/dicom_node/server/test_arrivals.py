"""Connections that say nothing hold up nobody, whoever accepts: behind a load balancer, too."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.association.processor_share import ProcessorShare
from dicom_node.network.handover import Accepted
from dicom_node.network.listening import open_listeners
from dicom_node.server.accepting import Accepting
from storage.settings import Settings
from tests.faults.raw_peer import ASSOCIATE_RQ, VERIFICATION, associate_request, context, pdu
from tests.patience import PATIENCE_S

BALANCER = "127.0.7.1"
REQUEST = pdu(ASSOCIATE_RQ, associate_request([context(1, VERIFICATION, ["1.2.840.10008.1.2"])]))
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = socket.inet_aton("10.9.8.7") + socket.inet_aton("10.0.0.5")
HEADER = SIGNATURE + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, ADDRESSES[:4], ADDRESSES[4:], 7, 104)
LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)


class Nobody(PeerAddresses):
    """All are strangers."""

    def __init__(self) -> None:
        pass

    def may_store(self, host: str, title: str | None) -> bool:
        return False


@dataclass
class Node:
    address: tuple[str, int]
    served: SimpleQueue[Accepted]

    def connected(self, stack: contextlib.ExitStack, source: str = BALANCER) -> socket.socket:
        connection = socket.create_connection(self.address, source_address=(source, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stack.enter_context(connection)

    def next_served(self) -> Accepted:
        return self.served.get(timeout=PATIENCE_S)


@pytest.fixture(params=[0, 2], ids=("one process", "an entrance to others"))
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    settings = Settings(data_dir=tmp_path, dicom_proxies=f"{BALANCER}, 127.0.8.0/24")
    listeners = open_listeners(settings, 0, receivers=request.param)
    assert listeners.listener is not None
    # From now on the entrance looks at who calls.
    listeners.known.may_store()
    served: SimpleQueue[Accepted] = SimpleQueue()
    accepting = Accepting(
        listeners,
        lambda accepted, _: served.put(accepted),
        Nobody(),
        ProcessorShare(known=listeners.known),
        is_entrance=request.param > 1,
    )
    accepting.start()
    try:
        yield Node(listeners.listener.getsockname(), served)
    finally:
        accepting.stop()
        with contextlib.suppress(Empty):
            while True:
                served.get_nowait().client.close()


def test_a_modality_is_not_kept_waiting_by_connections_that_say_nothing(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        silent = [node.connected(stack) for _ in range(5)]
        begun_s = time.monotonic()
        node.connected(stack).sendall(HEADER + REQUEST)
        accepted = node.next_served()
        assert time.monotonic() - begun_s < 1.0, "each of the silent ones may take a second"
        assert accepted.address == ("10.9.8.7", 7)
        assert accepted.client.recv(len(REQUEST)) == REQUEST
        for each in silent:
            each.settimeout(PATIENCE_S)
            assert each.recv(1) == b"", "they are ended"
    warnings = [line for line in capsys.readouterr().out.splitlines() if "header_missing" in line]
    assert len(warnings) == 1
    assert BALANCER in warnings[0]
    assert "in time" in warnings[0]


@pytest.mark.parametrize("sent", [b"PRO", SIGNATURE, REQUEST])
def test_who_does_not_say_for_whom_is_served_nothing(node: Node, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        connection = node.connected(stack, source="127.0.8.200")
        connection.sendall(sent)
        connection.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        node.connected(stack).sendall(HEADER + REQUEST)
        assert node.next_served().address == ("10.9.8.7", 7)


def test_a_header_may_come_in_pieces(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        connection = node.connected(stack)
        for piece in (HEADER[:5], HEADER[5:20], HEADER[20:] + REQUEST[:3], REQUEST[3:]):
            connection.sendall(piece)
            time.sleep(0.05)
        accepted = node.next_served()
        assert accepted.address == ("10.9.8.7", 7)
        assert not accepted.is_check
        assert accepted.client.recv(len(REQUEST), socket.MSG_WAITALL) == REQUEST


def test_a_check_of_the_balancer_itself_is_known_as_one(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        checking = node.connected(stack)
        checking.sendall(LOCAL)
        accepted = node.next_served()
        assert accepted.is_check
        assert accepted.address == checking.getsockname()


def test_a_check_waits_for_no_stranger(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a receiver that strangers flood would be taken for one that is away."""
    pending = threading.Event()
    monkeypatch.setattr(ProcessorShare, "pay", lambda *_: pending.wait(PATIENCE_S))
    with contextlib.ExitStack() as stack:
        stack.callback(pending.set)
        for _ in range(3):
            node.connected(stack).sendall(HEADER + REQUEST)
        assert not node.next_served().is_check
        node.connected(stack).sendall(LOCAL)
        begun_s = time.monotonic()
        while not node.next_served().is_check:
            pass
        assert time.monotonic() - begun_s < PATIENCE_S / 2


def test_a_check_that_only_connects_is_an_end_and_no_fault(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        node.connected(stack).close()
        node.connected(stack).sendall(HEADER + REQUEST)
        assert node.next_served().address == ("10.9.8.7", 7)
    assert "header_missing" not in capsys.readouterr().out


def test_others_than_balancers_are_served_as_whom_they_are(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        other = node.connected(stack, source="127.0.9.1")
        other.sendall(HEADER + REQUEST)
        accepted = node.next_served()
        assert accepted.address == other.getsockname()
        assert accepted.client.recv(len(SIGNATURE)) == SIGNATURE


def test_more_silent_ones_than_are_waited_for_end_the_eldest(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.server.arrivals._MOST_WAITING", 3)
    monkeypatch.setattr("dicom_node.server.arrivals.WITHIN_S", PATIENCE_S)
    with contextlib.ExitStack() as stack:
        silent: list[Any] = [node.connected(stack) for _ in range(4)]
        silent[0].settimeout(PATIENCE_S)
        assert silent[0].recv(1) == b""
        silent[3].sendall(HEADER + REQUEST)
        assert node.next_served().address == ("10.9.8.7", 7)
