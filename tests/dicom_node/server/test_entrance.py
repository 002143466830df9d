"""Strangers are served by a process of their own once known modalities store."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from dicom_node.association.peer_addresses import PeerAddresses
from dicom_node.network.handover import Accepted
from dicom_node.network.listening import open_listeners
from dicom_node.server.entrance import Entrance
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.faults.pushing import Batch
from tests.faults.raw_peer import (
    ASSOCIATE_RQ,
    VERIFICATION,
    PeerGone,
    RawPeer,
    Rejected,
    associate_request,
    context,
    pdu,
)
from tests.faults.scp_process import ScpProcess
from tests.patience import PATIENCE_S

RECEIVING = 2
IMPLICIT = "1.2.840.10008.1.2"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ScpProcess]:
    node = ScpProcess(tmp_path, {"dicom_processes": RECEIVING})
    node.migrate()
    with node.storage() as storage:
        for peer in (
            KnownPeer(name="ct", ae_title="CT"),
            KnownPeer(name="mr", ae_title="MR", sources=("127.0.5.0/24",)),
            KnownPeer(name="ws", ae_title="WS", may=frozenset({"query", "retrieve"})),
            KnownPeer(name="tls", ae_title="TLS", tls=True),
        ):
            storage.peers.add(peer)
    node.start()
    try:
        yield node
    finally:
        if node.is_running():
            assert node.stop() == 0
    assert "process_failed" not in node.log_text()
    assert "Traceback" not in node.log_text()


def server_of(node: ScpProcess, peer: RawPeer) -> int:
    """The number of the receiving process that has the connection of `peer`."""
    host, port = peer.socket.getsockname()
    end = socket.inet_aton(host)[::-1].hex().upper() + f":{port:04X}"
    pids = children(node)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {line[9] for line in lines if line[2] == end}
        having = [pid for pid in pids if _sockets(pid) & inodes]
        if len(having) == 1:
            return pids.index(having[0]) + 1
        time.sleep(0.01)
    raise AssertionError("no process has it, or several")


def children(node: ScpProcess) -> list[int]:
    """In the order in which they were started."""
    listed = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text()
    return [int(pid) for pid in listed.split()]


def _sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def served_by(node: ScpProcess, title: bytes, source: str = "127.0.0.1") -> int:
    with RawPeer(node.port, source=source) as peer:
        peer.associate(calling=title)
        number = server_of(node, peer)
        peer.release()
    return number


def store_once(node: ScpProcess, title: bytes = b"CT") -> None:
    one = Batch(5).make()
    with RawPeer(node.port) as peer:
        peer.associate(calling=title)
        assert peer.store(one.sop_instance_uid, one.data_set) == 0
        peer.release()


APART = RECEIVING + 1


def test_who_stores_under_a_known_title_shares_no_process_with_strangers(node: ScpProcess) -> None:
    assert served_by(node, b"STRANGER") <= RECEIVING, "nobody is to be protected yet"
    store_once(node)
    assert served_by(node, b"CT") <= RECEIVING
    assert served_by(node, b"  CT") <= RECEIVING
    assert served_by(node, b"MR", source="127.0.5.9") <= RECEIVING
    assert served_by(node, b"STRANGER") == APART
    assert served_by(node, b"WS") == APART, "it may not store"
    store_once(node, b"STRANGER")


def test_it_gives_way_to_those_that_receive(node: ScpProcess) -> None:
    *receiving, accepting = (os.getpriority(os.PRIO_PROCESS, pid) for pid in children(node))
    assert receiving == [os.getpriority(os.PRIO_PROCESS, 0)] * RECEIVING
    assert accepting == min(receiving[0] + 5, 19)


def test_a_title_from_another_address_or_without_its_tls_is_a_strangers(node: ScpProcess) -> None:
    store_once(node)
    for title, source in ((b"MR", "127.0.6.1"), (b"TLS", "127.0.0.1")):
        with RawPeer(node.port, source=source) as peer, pytest.raises(Rejected):
            peer.associate(calling=title)
    log = node.log_text()
    assert "address_not_of_peer" in log
    assert "tls_required" in log


def test_a_request_that_comes_in_pieces_is_waited_for(node: ScpProcess) -> None:
    store_once(node)
    whole = pdu(
        ASSOCIATE_RQ,
        associate_request([context(1, VERIFICATION, [IMPLICIT])], calling=b"CT"),
    )
    with RawPeer(node.port) as peer:
        for piece in (whole[:6], whole[6:30], whole[30:]):
            peer.send(piece)
            time.sleep(0.2)
        assert peer.socket.recv(1) == b"\2", "accepted"
        assert server_of(node, peer) <= RECEIVING


def test_who_says_nothing_for_long_is_served_with_strangers(node: ScpProcess) -> None:
    store_once(node)
    with RawPeer(node.port) as peer:
        time.sleep(3.5)
        assert server_of(node, peer) == APART
        peer.associate(calling=b"CT")
        peer.release()


def test_a_known_modality_stores_while_hundreds_are_silent_or_say_nonsense(
    node: ScpProcess,
) -> None:
    store_once(node)
    with contextlib.ExitStack() as held:
        for number in range(400):
            peer = held.enter_context(
                RawPeer(node.port, source=f"127.0.{10 + number // 20}.{number % 20 + 1}")
            )
            if number % 3 == 1:
                with contextlib.suppress(OSError):
                    peer.send(b"GET / HTTP/1.1\r\nHost: somewhere.example.org\r\n\r\n")
            elif number % 3 == 2:
                with contextlib.suppress(OSError):
                    peer.send(b"\x01\0\0\0")
        store_once(node)
        assert served_by(node, b"CT") <= RECEIVING
    assert node.is_running()
    assert "Traceback" not in node.log_text()


def test_whoever_accepts_may_be_killed(node: ScpProcess) -> None:
    store_once(node)
    with RawPeer(node.port) as held:
        held.associate(calling=b"CT")
        os.kill(children(node)[-1], signal.SIGKILL)
        store_once(node)
        with RawPeer(node.port) as peer, contextlib.suppress(PeerGone):
            peer.associate(calling=b"STRANGER")
            assert server_of(node, peer) == APART
        held.release()
    assert node.stop() == 0


def test_whatever_one_connection_meets_the_next_one_is_accepted(tmp_path: Path) -> None:
    listeners = open_listeners(Settings(data_dir=tmp_path), 0, receivers=2)
    assert listeners.listener is not None
    assert listeners.handover is not None
    listeners.known.may_store()
    peers, stopped, stopping = FailsOnce(), os.eventfd(0), threading.Event()
    served: SimpleQueue[Accepted] = SimpleQueue()
    entrance = Entrance(listeners, listeners.handover, peers, lambda one: not served.put(one))
    thread = threading.Thread(target=entrance.run, args=(stopped, stopping))
    thread.start()
    request = pdu(ASSOCIATE_RQ, associate_request([context(1, VERIFICATION, [IMPLICIT])]))
    try:
        with contextlib.ExitStack() as held:
            for _ in range(2):
                address = listeners.listener.getsockname()
                client = held.enter_context(socket.create_connection(address))
                client.sendall(request)
            assert served.get(timeout=PATIENCE_S).client.recv(1) == b"\1"
    finally:
        stopping.set()
        os.eventfd_write(stopped, 1)
        thread.join(PATIENCE_S)
        listeners.close()
        os.close(stopped)


class FailsOnce(PeerAddresses):
    """Cannot say of the first who it is."""

    def __init__(self) -> None:
        self.asked = 0

    def may_store(self, host: str, title: str | None) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("odd")
        return False
