"""What a C-STORE may take of the interpreter: see budgets.toml.

Seconds say little on a machine that does other things as well; the number of Python functions
that are called does not depend on it, and a short instance takes little else.
"""

import statistics
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.settings import load_settings
from tests.faults.pushing import Batch
from tests.faults.raw_peer import RawPeer, context
from tests.migrated import upgrade

BUDGETS: dict[str, int] = tomllib.loads(Path(__file__).with_name("budgets.toml").read_text())[
    "calls"
]
INSTANCES, WARM = 25, 5


class Calls:
    """In the threads that begin between `follow` and `forget`."""

    def __init__(self) -> None:
        self.count = 0

    def follow(self) -> None:
        threading.setprofile(self._happened)

    def forget(self) -> None:
        threading.setprofile(None)

    def _happened(self, _frame: FrameType, event: str, _: object) -> None:
        self.count += event == "call"


@pytest.fixture
def calls() -> Iterator[Calls]:
    counted = Calls()
    yield counted
    counted.forget()


def test_a_c_store_keeps_its_budget(calls: Calls, tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path / "data",
        dicom_port=0,
        free_disk_mark_bytes=0,
        unknown_peers_may=("store",),
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
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
        scp.shutdown()
    # Now and then the list of peers is read again, and what follows an answer counts for the next.
    assert statistics.median(taken[WARM:]) <= BUDGETS["store_an_instance"]
