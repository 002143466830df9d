"""Headers that pydicom takes many seconds for, decided on in a fraction of one."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.access_groups.service import apply_rules
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.callers.turns import Turns
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.integrity.instance_reader import InstanceReader
from tests.inference.orchestration import later, storage_in
from tests.inference.small import BrightRegion, mr_series, study_uid

PIXEL_DATA = b"\xe0\x7f\x10\x00OW"
ITEMS = struct.pack("<HHLHH2sH", 0xFFFE, 0xE000, 8, 0x0008, 0x0104, b"LO", 0) * 240_000
SEQUENCE = (
    struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    + ITEMS
    + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, series_quiet_s=5.0) as storage:
        yield storage


def test_a_series_of_one_long_header_is_decided_on_at_once(storage: Storage) -> None:
    """3.75 MB that took 16 s of the processor, in one piece."""
    (image,) = mr_series("slow", 1)
    at = image.index(PIXEL_DATA)
    storage.ingest.accept(image[:at] + SEQUENCE + image[at:], "dimse:STRANGER")
    began = time.process_time()
    assert complete_and_schedule(storage, later(100), (BrightRegion(),))
    assert time.process_time() - began < 1.0


def test_rules_of_access_groups_go_to_each_source_in_turn(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose studies take long to read keeps no other waiting behind all of them."""
    for name, source in (("good", "dimse:CT1"), *((f"slow{n}", "dimse:STRANGER") for n in "1234")):
        (image,) = mr_series(name, 1)
        storage.ingest.accept(image, source)
    storage.access_groups.add("North", rule={"Modality": "MR"})
    header = InstanceReader.header

    def slow(reader: InstanceReader, instance: Instance) -> object:
        if instance.source == "dimse:STRANGER":
            time.sleep(0.2)
        return header(reader, instance)

    monkeypatch.setattr(InstanceReader, "header", slow)
    rounds, turns = 0, Turns()
    while study_uid("good") in storage.access_decisions.waiting(100):
        assert apply_rules(storage, utcnow(), 0.1, turns) <= 2, "not within one round"
        rounds += 1
        assert rounds <= 2
    assert len(storage.access_decisions.waiting(100)) >= 2
