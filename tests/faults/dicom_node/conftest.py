"""A receiving process that hostile peers may try, and what must hold after each of them."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import (
    MAX_ASSOCIATIONS,
    MAX_INSTANCE_BYTES,
    TIME_LIMIT_S,
    ScpProcess,
    running_scp,
)

# Connections that the pool opens when threads meet at the database, and keeps.
POOLED_FILES = 12


@pytest.fixture(scope="session")
def hostile_scp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScpProcess]:
    settings = {
        "association_idle_timeout_s": TIME_LIMIT_S,
        "max_associations": MAX_ASSOCIATIONS,
        "max_instance_bytes": MAX_INSTANCE_BYTES,
        # What is counted below then belongs to the one that the peers met.
        "dicom_processes": 1,
    }
    with running_scp(tmp_path_factory.mktemp("hostile"), settings) as node:
        # What is opened once and kept: the heartbeat's connection, the volume, the database's,
        # and the thread of those that store at the same time.
        with node.storage() as storage:
            node.wait_for(lambda: storage.heartbeats.last("scp") is not None)
        with ExitStack() as stack:
            for number in range(MAX_ASSOCIATIONS):
                peer = stack.enter_context(RawPeer(node.port))
                peer.associate()
                batch = Batch(number, side=8)
                for one in (batch.make(), batch.make()):
                    assert peer.store(one.sop_instance_uid, one.data_set) == 0x0000
        yield node


@pytest.fixture
def scp(hostile_scp: ScpProcess) -> Iterator[ScpProcess]:
    """The process; after each test it serves others and holds no more than before."""
    node = hostile_scp
    node.wait_for(lambda: settled(node))
    threads, sockets, files = node.threads(), node.sockets(), node.descriptors()
    log_bytes = node.log.stat().st_size
    yield node
    node.wait_for(lambda: node.threads() <= threads and node.sockets() <= sockets)
    assert node.descriptors() <= files + POOLED_FILES
    with RawPeer(node.port) as peer:
        peer.associate(calling=b"AFTER")
        one = Batch(random.randrange(1 << 32), side=8).make()
        assert peer.store(one.sop_instance_uid, one.data_set) == 0x0000
        peer.release()
    output = node.log.read_bytes()[log_bytes:].decode(errors="replace")
    assert "Traceback" not in output, output[-4000:]


def settled(node: ScpProcess) -> bool:
    """Nothing of an earlier test is still being ended."""
    before = node.threads(), node.sockets()
    time.sleep(0.1)
    return before == (node.threads(), node.sockets())
