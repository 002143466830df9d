"""One address that opens all the connections it can leaves room for known peers and others."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from storage.container import open_storage
from storage.peers.entities import KnownPeer
from tests.attacks.support.measured import AttackedNode, attacked_node
from tests.faults.raw_peer import PeerGone, RawPeer

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

PER_ADDRESS = 8


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNode]:
    settings = {"associations_per_address": PER_ADDRESS, "max_associations": 20}
    with attacked_node(tmp_path_factory.mktemp("floods"), settings) as running:
        with open_storage(running.scp.settings) as storage:
            storage.peers.add(KnownPeer(name="ct", ae_title="CT", host="127.0.0.1", port=11112))
        yield running


def test_strangers_share_what_an_address_may_hold(node: AttackedNode) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(PER_ADDRESS):
            peer = stack.enter_context(RawPeer(node.scp.port))
            if number % 2:
                # The other half says nothing, as a half-open connection does.
                peer.associate()
        further = stack.enter_context(RawPeer(node.scp.port))
        with pytest.raises((PeerGone, ConnectionError)):
            further.associate()
        # Another address (127.0.0.2 is this machine as well) is served meanwhile.
        other = socket.create_connection(
            ("127.0.0.1", node.scp.port), timeout=30, source_address=("127.0.0.2", 0)
        )
        elsewhere = stack.enter_context(contextlib.closing(other))
        peer = RawPeer.__new__(RawPeer)
        peer.socket = elsewhere
        assert peer.associate(calling=b"ELSEWHERE")


@pytest.mark.slow
def test_known_peers_are_not_counted(node: AttackedNode) -> None:
    # Peers are read again after a second.
    time.sleep(1.5)
    node.scp.wait_for(node.scp.answers)
    with contextlib.ExitStack() as stack:
        for _ in range(PER_ADDRESS + 3):
            peer = stack.enter_context(RawPeer(node.scp.port))
            assert peer.associate(calling=b"CT")
