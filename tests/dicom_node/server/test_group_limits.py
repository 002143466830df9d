"""Limits of associations over two receivers that share a Redis, over real sockets."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicom_node.association import group_limits
from dicom_node.association.group_limits import GroupLimits
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.peers.entities import KnownPeer
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.raw_peer import RawPeer, Rejected
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.processes import own_folder
from tests.ready_processes import ReadyPopen
from tests.servers import RedisServer

LOCAL_LIMIT_EXCEEDED = (2, 3, 2)
CT = KnownPeer(
    name="ct",
    ae_title="GOODCT",
    sources=("127.0.0.1/32",),
    may=frozenset({"store"}),
    max_associations=2,
)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with own_folder("redis") as folder:
        server = RedisServer(folder)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def receivers(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    with contextlib.ExitStack() as stack:
        nodes = []
        for name in ("north", "south"):
            settings = node_settings(
                tmp_path / name, broker_url=redis.url, max_associations_of_all_hosts=3
            )
            upgrade(settings)
            storage = stack.enter_context(open_storage(settings))
            storage.peers.add(CT)
            scp = start_scp(storage)
            stack.callback(scp.shutdown, grace_s=1.0)
            nodes.append(Node(storage, scp))
        yield nodes[0], nodes[1]


def associated(node: Node, calling: bytes) -> RawPeer:
    peer = RawPeer(node.port, limit_s=PATIENCE_S)
    peer.associate(calling=calling)
    return peer


def is_rejected(node: Node, calling: bytes) -> bool:
    try:
        associated(node, calling).socket.close()
    except Rejected as rejected:
        answer = rejected.why
    else:
        return False
    assert answer == LOCAL_LIMIT_EXCEEDED
    return True


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_peer_has_its_number_over_both_and_gets_a_place_when_one_ends(
    receivers: tuple[Node, Node],
) -> None:
    north, south = receivers
    first = associated(north, b"GOODCT")
    second = associated(south, b"GOODCT")

    assert is_rejected(north, b"GOODCT")
    assert is_rejected(south, b"GOODCT")
    assert not is_rejected(south, b"OTHER")
    first.socket.close()
    until(lambda: not is_rejected(south, b"GOODCT"))
    second.socket.close()


def test_all_together_have_their_number_over_both(receivers: tuple[Node, Node]) -> None:
    north, south = receivers
    with contextlib.ExitStack() as stack:
        for node, calling in ((north, b"A"), (south, b"B"), (south, b"C")):
            stack.callback(associated(node, calling).socket.close)
        assert is_rejected(north, b"D")
        assert is_rejected(south, b"D")


def test_places_of_a_host_that_is_gone_are_free_when_their_lease_ends(
    receivers: tuple[Node, Node], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, south = receivers
    monkeypatch.setattr(group_limits, "_LEASE_S", 1.0)
    monkeypatch.setattr(group_limits, "_processes", lambda: "another machine")
    gone = GroupLimits(redis.url)
    assert [gone.admit("GOODCT", 2, 0)[0] for _ in range(3)] == [None, None, "peer_limit_exceeded"]
    gone.stop()  # It renews nothing from now on.

    until(lambda: not is_rejected(south, b"GOODCT"))


def test_places_of_a_process_that_was_killed_here_are_free_at_once(
    receivers: tuple[Node, Node], redis: RedisServer
) -> None:
    _, south = receivers
    program = (
        "import sys, time; from dicom_node.association.group_limits import GroupLimits;"
        "limits = GroupLimits(sys.argv[1]);"
        "print([limits.admit('GOODCT', 2, 0)[0] for _ in '12'], flush=True); time.sleep(600)"
    )
    with ReadyPopen(
        [sys.executable, "-c", program, redis.url], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "[None, None]\n"
        was_rejected = is_rejected(south, b"GOODCT")
        os.kill(other.pid, signal.SIGKILL)

    assert was_rejected
    assert not is_rejected(south, b"GOODCT")


def test_each_host_counts_for_itself_while_redis_is_away_and_both_once_it_is_back(
    receivers: tuple[Node, Node], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_limits, "_AWAY_S", 0.1)
    north, south = receivers
    with contextlib.ExitStack() as stack:
        for node in receivers:
            stack.callback(associated(node, b"GOODCT").socket.close)
        redis.kill()
        stack.callback(associated(north, b"GOODCT").socket.close)
        assert is_rejected(north, b"GOODCT"), "its own limit holds"
        # It forgot all of them: those that last tell it again.
        redis.start()
        time.sleep(0.2)
        for node in receivers:
            group = node.scp._admission._group
            assert group is not None
            group.renew()
        assert is_rejected(south, b"GOODCT")
