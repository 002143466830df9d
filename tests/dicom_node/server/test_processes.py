"""Several receiving processes behind one port: together one node."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from dicom_node.server.processes import receiving_processes
from storage.volumes.scan import scan, verify, volumes_in
from tests.faults.pushing import Batch, Push
from tests.faults.scp_process import ScpProcess, running_scp
from tests.patience import PATIENCE_S

TOGETHER = 3
RECEIVING = 2
PROCESSES = RECEIVING + 1
"""One more accepts for them."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ScpProcess]:
    settings = {
        "dicom_processes": RECEIVING,
        "max_associations": 8,
        "max_associations_per_peer": TOGETHER,
    }
    with running_scp(tmp_path, settings) as node:
        yield node


def children(node: ScpProcess) -> set[int]:
    listed = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


def associate(node: ScpProcess, ae_title: str) -> Association:
    ae = AE(ae_title)
    ae.add_requested_context(Verification)
    return ae.associate("127.0.0.1", node.port)


@pytest.mark.parametrize(("cores", "count"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 4)])
def test_the_entrance_has_a_core_where_no_number_is_set(cores: int, count: int) -> None:
    assert receiving_processes(cores) == count


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is no entrance on one core")
def test_what_comes_while_the_only_receiving_process_is_gone_waits_for_the_next(
    tmp_path: Path,
) -> None:
    count = receiving_processes(len(os.sched_getaffinity(0)))
    with running_scp(tmp_path, {"dicom_processes": 0}) as node:
        node.wait_for(lambda: len(children(node)) == count + 1)
        before = children(node)
        for receiver in sorted(before)[:count]:
            os.kill(receiver, signal.SIGKILL)
        association = associate(node, "CT1")
        assert association.is_established
        association.release()
        node.wait_for(lambda: len(children(node) - before) == count)


def test_one_that_is_killed_is_started_anew_and_nothing_acknowledged_is_lost(
    node: ScpProcess,
) -> None:
    batch = Batch(7)
    push = Push(node.port, [[batch.make(n) for _ in range(60)] for n in range(TOGETHER)])
    push.start()
    node.wait_for(lambda: len(children(node)) == PROCESSES)
    before = children(node)
    node.wait_for(lambda: len(push.acknowledged) > 40)
    os.kill(min(before), signal.SIGKILL)
    node.wait_for(lambda: len(children(node)) == PROCESSES and children(node) != before)
    push.join(PATIENCE_S)
    assert len(push.acknowledged) == 60 * TOGETHER
    assert "process_ended" in node.log_text()
    assert node.stop() == 0
    folder = node.settings.data_dir / "volumes"
    records = [(path, record) for path in volumes_in(folder) for record in scan(path)]
    assert all(verify(path, record) for path, record in records)
    kept = Counter(record.digest for _, record in records)
    assert {sent.digest for sent in push.acknowledged.values()} <= set(kept)
    node.migrate()
    with node.storage() as storage:
        for uid, sent in push.acknowledged.items():
            assert storage.index.instance(uid).digest == sent.digest


def test_limits_hold_over_all_processes_and_the_dead_hold_no_place(node: ScpProcess) -> None:
    held = [associate(node, "SAME") for _ in range(TOGETHER)]
    assert all(one.is_established for one in held)  # type: ignore[attr-defined]
    assert associate(node, "SAME").is_rejected  # type: ignore[attr-defined]
    others = [associate(node, f"OTHER{n}") for n in range(8 - TOGETHER)]
    assert all(one.is_established for one in others)  # type: ignore[attr-defined]
    assert associate(node, "NINTH").is_rejected  # type: ignore[attr-defined]
    before = children(node)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    node.wait_for(lambda: len(children(node)) == PROCESSES and not children(node) & before)
    node.wait_for(node.answers)
    again = associate(node, "SAME")
    assert again.is_established  # type: ignore[attr-defined]
    again.release()  # type: ignore[attr-defined]
    assert node.stop() == 0


def test_the_children_end_with_a_parent_that_is_killed(node: ScpProcess) -> None:
    left = children(node)
    os.kill(node.pid, signal.SIGKILL)

    def gone() -> bool:
        states = []
        for pid in left:
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except FileNotFoundError:
                continue
            states.append(stat.rsplit(")", 1)[1].split()[0])
        return all(state == "Z" for state in states)

    deadline = time.monotonic() + PATIENCE_S
    while not gone() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone()
