"""Under all floods at once a known modality goes on storing, at no less than half its rate.

`make attacks` measures it; each flood by itself is tried in the suite. The attackers have what
processor time all others leave: on a machine of their own they would not take the node's
processors either. What they take all the same is seen beside as many programs that only
compute.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from storage.container import open_storage
from storage.peers.entities import KnownPeer
from tests.attacks.support.left_over import left_over
from tests.attacks.support.measured import MIB, AttackedNode, Growth, attacked_node
from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import LONG, PROGRAM
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US, end
from tests.services import free_port

pytestmark = [
    pytest.mark.fault,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not LONG, reason="minutes, and a quiet machine: make attacks"),
]

_ROUND_S = 15.0
_ROUNDS = 4
_BRIEF_ROUND_S = 5.0
_AT_LEAST = 0.5
_AT_WORST = 0.1
_GROWTH_BYTES = 200 * MIB
_COMPUTING = "while True: pass"


@pytest.fixture(scope="module")
def hl7_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, hl7_port: int) -> Iterator[AttackedNode]:
    settings = {
        "auth": "required",
        "hl7_port": hl7_port,
        "max_associations": 64,
        "dicom_processes": 0,
    }
    with attacked_node(tmp_path_factory.mktemp("floods"), settings) as running:
        with open_storage(running.scp.settings) as storage:
            storage.peers.add(KnownPeer(name="ct", ae_title="CT", sources=("127.0.0.1/32",)))
            storage.accounts.add("ada", "correct horse battery staple", ["radiologist"])
        orders = subprocess.Popen(
            [*ENDING_WITH_US, PROGRAM, "hl7"], cwd=running.scp.folder, env=running.scp.environment
        )
        try:
            yield running
        finally:
            end(orders)


@contextmanager
def flooded(node: AttackedNode, hl7_port: int, *names: str) -> Iterator[dict[str, int]]:
    """By those of that names, or all. How often each was tried is known at the end."""
    attempts: dict[str, int] = {}
    ports = [str(port) for port in (node.scp.port, node.http_port, hl7_port)]
    program = [sys.executable, "-m", "tests.attacks.support.flooding", *ports, *names]
    with left_over() as last:
        attackers = subprocess.Popen(
            [*ENDING_WITH_US, *last, *program], stdout=subprocess.PIPE, text=True
        )
        assert attackers.stdout is not None
        try:
            assert attackers.stdout.readline() == "flooding\n"
            yield attempts
        finally:
            attackers.terminate()
            output, _ = attackers.communicate(timeout=PATIENCE_S)
            with suppress(ValueError):
                attempts.update(json.loads(output))


@contextmanager
def computing() -> Iterator[None]:
    """As many programs as there are processors, which do nothing to the node."""
    with left_over() as last:
        programs = [
            subprocess.Popen([*ENDING_WITH_US, *last, sys.executable, "-c", _COMPUTING])
            for _ in range(os.cpu_count() or 1)
        ]
        try:
            yield
        finally:
            for one in programs:
                one.kill()
                one.wait()


def stored_a_second(node: AttackedNode, batch: Batch, seconds: float) -> float:
    """By one modality that waits for each answer; every instance is taken."""
    count = 0
    with RawPeer(node.scp.port, limit_s=60) as peer:
        peer.associate(calling=b"CT")
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            one = batch.make()
            assert peer.store(one.sop_instance_uid, one.data_set) == 0
            count += 1
        peer.release()
    return count / passed


def test_a_known_modality_goes_on_storing(node: AttackedNode, hl7_port: int) -> None:
    batch, attempts = Batch(17), Counter[str]()
    quiet, beside, loud = [], [], []
    stored_a_second(node, batch, _ROUND_S)
    # By turns, so that whatever else the machine does meets both.
    for _ in range(_ROUNDS):
        quiet.append(stored_a_second(node, batch, _ROUND_S))
        with computing():
            beside.append(stored_a_second(node, batch, _ROUND_S))
        with flooded(node, hl7_port) as tried:
            loud.append(stored_a_second(node, batch, _ROUND_S))
        attempts.update(tried)
    ratio = sum(loud) / sum(quiet)
    print(
        f"quiet {quiet} a second, beside what only computes {beside}, under floods {loud}:"
        f" {ratio:.2f}; attempts {attempts}"
    )
    assert ratio >= _AT_LEAST, (quiet, beside, loud, attempts)
    deadline = time.monotonic() + PATIENCE_S
    while not node.answers():
        assert time.monotonic() < deadline, node.api_log()[-3000:]


def associated_a_second(node: AttackedNode, batch: Batch, seconds: float) -> float:
    """By one modality that opens an association for each instance; every instance is taken."""
    count, begun = 0, time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        one = batch.make()
        with RawPeer(node.scp.port, limit_s=60) as peer:
            peer.associate(calling=b"CT")
            assert peer.store(one.sop_instance_uid, one.data_set) == 0
            peer.release()
        count += 1
    return count / passed


@pytest.mark.parametrize("flood", ["associations", "impossible_requests", "long_requests"])
def test_a_known_modality_goes_on_associating(
    node: AttackedNode, hl7_port: int, flood: str
) -> None:
    batch, attempts = Batch(17), Counter[str]()
    quiet, loud = [], []
    associated_a_second(node, batch, _BRIEF_ROUND_S)
    growth = Growth(node.scp.pid)
    for _ in range(_ROUNDS):
        quiet.append(associated_a_second(node, batch, _BRIEF_ROUND_S))
        with flooded(node, hl7_port, flood) as tried:
            loud.append(associated_a_second(node, batch, _BRIEF_ROUND_S))
        attempts.update(tried)
    ratio = sum(loud) / sum(quiet)
    print(
        f"{flood}: quiet {quiet} a second, under it {loud}: {ratio:.2f}; {attempts};"
        f" grew {growth.bytes >> 20} MiB"
    )
    assert attempts[flood] > 0
    assert ratio >= _AT_LEAST, (quiet, loud, attempts)
    # Nor is it worn down by what the floods before have left behind.
    assert min(*quiet, *loud) >= max(quiet) * _AT_WORST, (quiet, loud, attempts)
    assert growth.bytes < _GROWTH_BYTES
