"""What a C-STORE may take of the interpreter: see budgets.toml.

Seconds say little on a machine that does other things as well; the number of Python functions
that are called does not depend on it, and a short instance takes little else.
"""

import statistics
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import StoragePresentationContexts

from dicom_node.server.scp import Scp, start_scp
from storage.container import open_storage
from storage.settings import load_settings
from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer, context
from tests.migrated import upgrade
from tests.patience import PATIENCE_S

BUDGETS: dict[str, int] = tomllib.loads(Path(__file__).with_name("budgets.toml").read_text())[
    "calls"
]
INSTANCES, WARM = 25, 5
_OTHER_CLASSES = [str(one.abstract_syntax) for one in StoragePresentationContexts[:30]]


class Calls:
    """In the threads of associations that begin between `follow` and `forget`."""

    def __init__(self) -> None:
        self.count = 0

    def follow(self) -> None:
        threading.setprofile(self._happened)

    def forget(self) -> None:
        threading.setprofile(None)

    def _happened(self, _frame: FrameType, event: str, _: object) -> None:
        if event == "call" and threading.current_thread().name.startswith("association-"):
            self.count += 1


@pytest.fixture
def calls() -> Iterator[Calls]:
    counted = Calls()
    yield counted
    counted.forget()


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[Scp]:
    settings = load_settings(
        data_dir=tmp_path / "data",
        dicom_port=0,
        free_disk_mark_bytes=0,
        unknown_peers_may=("store",),
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        started = start_scp(storage)
        yield started
        started.shutdown()


def test_a_c_store_keeps_its_budget(calls: Calls, scp: Scp) -> None:
    batch = Batch(7)
    calls.follow()
    with RawPeer(scp.port) as sender:
        sender.associate([context(1, CTImageStorage, [ExplicitVRLittleEndian])])
        calls.forget()
        taken = []
        for _ in range(INSTANCES):
            one, before = batch.make(), calls.count
            assert sender.store(one.sop_instance_uid, one.data_set) == 0
            taken.append(calls.count - before)
    # Now and then the list of peers is read again, and what follows an answer counts for the next.
    assert statistics.median(taken[WARM:]) <= BUDGETS["store_an_instance"]


def test_an_association_for_one_instance_keeps_its_budget(calls: Calls, scp: Scp) -> None:
    """Of a modality that proposes thirty classes each time."""
    batch = Batch(7)
    proposed = [
        context(1 + 2 * number, sop_class_uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        for number, sop_class_uid in enumerate([CTImageStorage, *_OTHER_CLASSES])
    ]
    calls.follow()
    taken = []
    for _ in range(INSTANCES):
        one, before = batch.make(), calls.count
        with RawPeer(scp.port) as sender:
            sender.associate(proposed)
            assert sender.store(one.sop_instance_uid, one.data_set) == 0
            sender.release()
            assert not sender.ends()
        deadline = time.monotonic() + PATIENCE_S
        while scp.association_count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        taken.append(calls.count - before)
    assert statistics.median(taken[WARM:]) <= BUDGETS["associate_and_store_an_instance"]
