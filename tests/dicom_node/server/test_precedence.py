"""Known peers come in while strangers have all the connections there are, over real sockets."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicom_node.server import scp as scp_module
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.peers.entities import KnownPeer
from tests.dicom_node.builders import dcmtk
from tests.dicom_node.certificates import Authority
from tests.dicom_node.conftest import Node, node_settings
from tests.dicom_node.network.test_tls import tls_node, tls_port, with_certificate
from tests.faults.pushing import Batch
from tests.faults.raw_peer import ASSOCIATE_RQ, PeerGone, RawPeer, Rejected, associate_request, pdu
from tests.faults.scp_process import ScpProcess
from tests.migrated import upgrade
from tests.patience import PATIENCE_S

MOST = 4
ALL = MOST + 32
"""Connections at once: those above the limit of associations hear why they are rejected."""
STRANGERS = ("127.0.0.2", "127.0.0.3")
CT = KnownPeer(name="ct", ae_title="GOODCT", sources=("127.0.0.1/32",), may=frozenset({"store"}))
LOCAL_LIMIT_EXCEEDED = (2, 3, 2)


@pytest.fixture(autouse=True)
def _silent_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody leaves for having been silent while a busy machine opens the other connections."""
    monkeypatch.setattr(scp_module, "_SILENT_S", PATIENCE_S)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    settings = node_settings(tmp_path, max_associations=MOST)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.peers.add(CT)
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


def stranger(port: int, stack: contextlib.ExitStack, number: int) -> RawPeer:
    source = STRANGERS[number % len(STRANGERS)]
    peer = stack.enter_context(RawPeer(port, source=source, limit_s=PATIENCE_S))
    peer.associate(calling=b"STRANGER")
    return peer


def stored(peer: RawPeer, number: int) -> str:
    """Stores an instance; its UID."""
    one = Batch(number, side=8).make()
    assert peer.store(one.sop_instance_uid, one.data_set) == 0x0000
    return one.sop_instance_uid


def known_peer(port: int, stack: contextlib.ExitStack) -> RawPeer:
    """Fails where it is not admitted: nobody is asked to wait, but rejected or let go."""
    peer = stack.enter_context(RawPeer(port, limit_s=PATIENCE_S))
    peer.associate(calling=b"GOODCT")
    return peer


def test_a_known_peer_takes_the_slot_of_the_stranger_that_is_idle_longest(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        strangers = [stranger(node.port, stack, number) for number in range(MOST)]
        uids = [stored(one, number) for number, one in enumerate(strangers)]
        # All but the second say something again.
        for number in (0, 2, 3):
            uids.append(stored(strangers[number], 10 + number))
        ct = known_peer(node.port, stack)
        uids.append(stored(ct, 20))
        strangers[1].ends()
        for number in (0, 2, 3):
            uids.append(stored(strangers[number], 30 + number))
        assert all(node.instance(uid) for uid in uids), "what was acknowledged stays"


def test_known_peers_do_not_make_room_for_each_other_nor_for_strangers(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        strangers = [stranger(node.port, stack, number) for number in range(MOST)]
        known = [known_peer(node.port, stack) for _ in range(MOST)]
        for one in strangers:
            one.ends()
        for title, source in ((b"GOODCT", "127.0.0.1"), (b"STRANGER", "127.0.0.2")):
            further = stack.enter_context(RawPeer(node.port, source=source))
            with pytest.raises(Rejected) as rejected:
                further.associate(calling=title)
            assert rejected.value.why == LOCAL_LIMIT_EXCEEDED
        for number, one in enumerate(known):
            stored(one, number)
        known[0].release()
        _wait_for(lambda: node.scp.association_count < MOST)
        stored(stranger(node.port, stack, 0), 50)


def test_a_known_title_that_holds_all_associations_keeps_no_other_peer_out(node: Node) -> None:
    node.storage.peers.add(KnownPeer(name="wl1", ae_title="WL1", may=frozenset({"worklist"})))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawPeer(node.port, source="127.0.0.9")) for _ in range(MOST)]
        for one in held:
            one.associate(calling=b"WL1")
        uids = [stored(known_peer(node.port, stack), number) for number in range(MOST // 2)]
        assert all(node.instance(uid) for uid in uids)
        for one in held[: MOST // 2]:
            one.ends()


def test_strangers_are_served_again_afterwards(node: Node) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(MOST):
            stranger(node.port, stack, number)
        ct = known_peer(node.port, stack)
        ct.release()
        _wait_for(lambda: node.scp.association_count < MOST)
        stored(stranger(node.port, stack, 0), 1)


def test_a_stranger_that_is_sending_is_not_the_one_that_goes(node: Node) -> None:
    stopped = threading.Event()
    failed: list[Exception] = []
    sent: list[str] = []

    def send(peer: RawPeer) -> None:
        try:
            while not stopped.is_set():
                sent.append(stored(peer, len(sent)))
        except (OSError, AssertionError, Rejected) as error:
            failed.append(error)

    with contextlib.ExitStack() as stack:
        busy = stranger(node.port, stack, 0)
        idle = [stranger(node.port, stack, number) for number in range(1, MOST)]
        sending = threading.Thread(target=send, args=(busy,))
        sending.start()
        try:
            _wait_for(lambda: len(sent) > 3)
            for _ in idle:
                known_peer(node.port, stack)
            for one in idle:
                one.ends()
            before = len(sent)
            _wait_for(lambda: len(sent) > before + 3 or bool(failed))
        finally:
            stopped.set()
            sending.join(PATIENCE_S)
    assert not failed
    assert all(node.instance(uid) for uid in sent)


def test_connections_that_drip_requests_keep_no_known_peer_out(node: Node) -> None:
    request = pdu(ASSOCIATE_RQ, associate_request([], calling=b"STRANGER"))
    stopped = threading.Event()
    with contextlib.ExitStack() as stack:
        dripping = [
            stack.enter_context(RawPeer(node.port, source=f"127.0.0.{2 + number % 6}"))
            for number in range(ALL + 8)
        ]

        def drip() -> None:
            for byte in request:
                for one in dripping:
                    with contextlib.suppress(OSError):
                        one.send(bytes([byte]))
                if stopped.wait(0.1):
                    return

        dropper = threading.Thread(target=drip)
        dropper.start()
        try:
            _wait_for(lambda: node.scp.association_count >= ALL)
            for number in range(3):
                stored(known_peer(node.port, stack), number)
        finally:
            stopped.set()
            dropper.join(PATIENCE_S)


def test_a_flood_of_requests_from_many_addresses_keeps_no_known_peer_out(node: Node) -> None:
    stopped = threading.Event()

    def flood(source: str) -> None:
        while not stopped.is_set():
            with (
                contextlib.suppress(OSError, PeerGone, Rejected),
                RawPeer(node.port, source=source) as peer,
            ):
                peer.associate(calling=b"STRANGER")
                stopped.wait(0.2)
            stopped.wait(0.01)

    threads = [
        threading.Thread(target=flood, args=(f"127.0.0.{2 + number % 6}",)) for number in range(12)
    ]
    for one in threads:
        one.start()
    try:
        with contextlib.ExitStack() as stack:
            _wait_for(lambda: node.scp.association_count >= MOST)
            for number in range(5):
                with known_peer(node.port, stack) as ct:
                    stored(ct, number)
                    ct.release()
    finally:
        stopped.set()
        for one in threads:
            one.join(PATIENCE_S)


def test_strangers_at_the_address_of_a_known_peer_keep_it_out_as_little(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, max_associations=12, associations_per_address=3)
    upgrade(settings)
    with open_storage(settings) as storage, contextlib.ExitStack() as stack:
        storage.peers.add(CT)
        scp = start_scp(storage)
        stack.callback(scp.shutdown, grace_s=1.0)
        for _ in range(3):
            stack.enter_context(RawPeer(scp.port)).associate(calling=b"STRANGER")
        further = stack.enter_context(RawPeer(scp.port))
        with pytest.raises(Rejected) as rejected:
            further.associate(calling=b"STRANGER")
        assert rejected.value.why == LOCAL_LIMIT_EXCEEDED
        for _ in range(5):
            # Half-open ones, as many as the address may hold and more.
            stack.enter_context(RawPeer(scp.port))
        stored(known_peer(scp.port, stack), 1)


def test_silent_connections_to_the_tls_port_keep_no_known_peer_out(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = with_certificate(authority, authority.issue("modality"))
    with (
        tls_node(tmp_path, authority, max_associations=MOST, tls_unbound_peers="accept") as node,
        contextlib.ExitStack() as stack,
    ):
        node.storage.peers.add(CT)
        for number in range(ALL):
            # They never begin the handshake.
            source = f"127.0.0.{2 + number % 6}"
            stack.enter_context(RawPeer(tls_port(node), source=source))
        _wait_for(lambda: node.scp.association_count >= ALL)
        called = dcmtk("echoscu", *certificate, "-aet", "GOODCT", "127.0.0.1", str(tls_port(node)))
        assert called.returncode == 0, called


@pytest.mark.fault
def test_a_stranger_of_another_process_gives_way(tmp_path: Path) -> None:
    settings: dict[str, object] = {"dicom_processes": 2, "max_associations": MOST}
    running = ScpProcess(tmp_path, settings)
    running.migrate()
    with running.storage() as storage:
        storage.peers.add(CT)
    with contextlib.ExitStack() as stack:
        stack.callback(running.kill)
        running.start()
        strangers = [stranger(running.port, stack, number) for number in range(MOST)]
        # As many as there are strangers: some of both processes.
        known = [known_peer(running.port, stack) for _ in range(MOST)]
        for one in strangers:
            one.ends()
        for number, one in enumerate(known):
            stored(one, number)


def _wait_for(done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
