"""A node over many days with a clock of its own and a disk of a stated size, sooner than they pass.

Instances, volumes, database, rounds and compaction are the real ones; the disk counts the bytes
of the volumes, and the clock stamps what arrives.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inference.retention.service import RetentionRounds, Round
from storage.audit import Actor, AuditEvent, Code
from storage.container import Storage, open_storage
from storage.deletion import service as deletion
from storage.maintenance.housekeeping import Housekeeper
from storage.retention.legal_holds import LegalHold
from storage.settings import Settings
from storage.volumes import writer
from storage.volumes.scan import volumes_in
from tests.storage.instances import part10

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class SimulatedNode:
    storage: Storage
    disk_bytes: int
    now: datetime = _BEGIN
    here: set[str] = field(default_factory=set)
    owed: set[str] = field(default_factory=set)
    """With results that their destination has not confirmed."""
    on_hold: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rounds = RetentionRounds(self.storage)
        self.housekeeper = Housekeeper(self.storage)

    def free_bytes(self) -> int:
        used = sum(path.stat().st_size for path in volumes_in(self.storage.volumes.folder))
        return self.disk_bytes - used

    def receive(self, name: str, size_bytes: int, **attributes: object) -> str:
        """A study of one instance. Raises StorageFull where the node would answer 0xA700."""
        rows = 256
        pixels = random.Random(name).randbytes(size_bytes)
        content = part10(
            study=name,
            Rows=rows,
            Columns=size_bytes // (2 * rows),
            PixelData=pixels,
            **attributes,
        )
        uid = self.storage.ingest.accept(content, "dimse:CT1").study_instance_uid
        for series in self.storage.index.series_of(uid):
            completed = self.storage.index.mark_complete(series, self.now)
            if completed is not None:
                self.storage.routing.looked_at([completed], None)
        self.here.add(uid)
        return uid

    def owe(self, study_instance_uid: str) -> None:
        instances = self.storage.index.instances_of(study_instance_uid)
        self.storage.deliveries.enqueue("pacs", instances, None)
        self.owed.add(study_instance_uid)

    def confirm(self) -> None:
        """The destination has everything now."""
        for uid in sorted(self.owed):
            ids = [one.delivery_id for one in self.storage.deliveries.of_study(uid)]
            self.storage.deliveries.confirmed(ids, self.now)
        self.owed.clear()

    def hold(self, study_instance_uid: str) -> None:
        hold = LegalHold(study_instance_uid, "Request", "ada", "", self.now)
        self.storage.legal_holds.place(hold)
        self.on_hold.add(study_instance_uid)

    def use(self, study_instance_uid: str) -> None:
        event = AuditEvent(
            Code.INSTANCES_ACCESSED,
            "R",
            Actor("account", "ada"),
            study_instance_uids=(study_instance_uid,),
            at=self.now,
        )
        self.storage.audit.record(event)
        self.storage.audit.flush()

    def pass_time(self, hours: float) -> Round:
        """A round of retention and one of housekeeping; fails where something left wrongly."""
        self.now += timedelta(hours=hours)
        done = self.rounds.round(self.now)
        self.housekeeper.round(self.now, compact_now=done.is_short and done.removed > 0)
        if done.removed:
            # Rewritten volumes go after their grace time.
            self.housekeeper.round(self.now + timedelta(minutes=6))
        gone = self.here.difference(self.storage.retention.page(10_000, 0)[0])
        assert not gone & self.owed, "left although its results were owed"
        assert not gone & self.on_hold, "left although it was on legal hold"
        assert len(gone) == done.removed
        self.here -= gone
        self.removed += sorted(gone)
        return done


@contextmanager
def simulated_node(
    settings: Settings, disk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimulatedNode]:
    """`settings` name the marks in bytes."""
    with open_storage(settings) as storage:
        node = SimulatedNode(storage, disk_bytes)
        monkeypatch.setattr(writer.VolumeWriter, "free_bytes", lambda _: node.free_bytes())
        monkeypatch.setattr(writer.VolumeWriter, "disk_bytes", lambda _: disk_bytes)
        # The mark is looked at with every instance, since they are so small.
        monkeypatch.setattr(writer, "_FREE_DISK_CHECK_INTERVAL_BYTES", 1)
        for module in (writer, deletion):
            monkeypatch.setattr(module, "utcnow", lambda: node.now)
        yield node


def rules_in(settings: Settings, text: str) -> None:
    path: Path = settings.resolved_rules_file
    path.write_text(f"version: 1\nretention:\n{text}")
