"""A deletion that is cut off, by the disk or a kill, undoes nothing that is acknowledged later."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from storage import tables as t
from storage.audit import AuditEvent, Code
from storage.audit.change_event import record_of_change
from storage.audit.events import NODE
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict, StorageUnavailable
from storage.db.engine import writing
from storage.index.tombstones import Deleted, Tombstone
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.reindexing.reindex import reindex
from storage.reconciliation.reconcile import reconcile
from storage.retention.legal_holds import LegalHold
from storage.volumes.scan import scan, volumes_in
from storage.volumes.writer import VolumeWriter
from tests.storage.deletion.test_deleting import STUDY, close, fill, uid
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

pytestmark = pytest.mark.slow_on_postgresql

OTHER = part10(PatientID="P2")


@contextmanager
def volumes_that_sync_nothing() -> Iterator[None]:
    """As a disk is that answers EIO to fdatasync; SQLite has its own."""

    def failing(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fdatasync", failing)
        yield


class Killed(BaseException):
    pass


def killed_behind_the_tombstone(change: Callable[[], Any]) -> None:
    """Nothing that this process would do behind the tombstone's sync happens."""
    append = VolumeWriter.append_records

    def last_step(self: VolumeWriter, records: Any) -> Any:
        records = list(records)
        locations = append(self, records)
        if any(one.note.kind == "tombstone" for one in records):
            raise Killed
        return locations

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VolumeWriter, "append_records", last_step)
        with pytest.raises(Killed):
            change()


def hold() -> LegalHold:
    return LegalHold(STUDY, "court order", "ada", "account:1", utcnow())


def restarted(storage: Storage) -> None:
    """What the next start does, and the first round of housekeeping."""
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    Housekeeper(storage).round(utcnow() + timedelta(minutes=2))


def tombstones(storage: Storage) -> set[int]:
    """In the volumes, by their numbers."""
    close(storage)
    paths = volumes_in(storage.volumes.folder)
    records = (record for path in paths for record in scan(path))
    return {one.note.generation for one in records if one.note.kind == "tombstone"}


def test_a_refused_deletion_takes_nothing_that_was_acknowledged_since(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(part10(), "stow")
    with volumes_that_sync_nothing(), pytest.raises(StorageUnavailable) as refused:
        storage.deletions.study(STUDY)
    assert "The change is made, but the volumes cannot note it yet" in refused.value.message
    with pytest.raises(NotFound):
        storage.legal_holds.place(hold())
    assert storage.ingest.accept(part10(), "stow").outcome == "stored"
    assert storage.legal_holds.place(hold())
    with pytest.raises(StateConflict, match="on legal hold"):
        storage.deletions.study(STUDY)

    restarted(storage)
    assert storage.index.study(STUDY).instance_count == 1
    close(storage)
    settings = emptied(storage.settings, request)
    assert reindex(settings, "volumes").instances == 1
    with open_storage(settings) as rebuilt:
        assert rebuilt.index.study(STUDY).instance_count == 1


@pytest.mark.parametrize("disk_fails", [False, True], ids=["killed", "refused"])
def test_what_was_deleted_stays_deleted_once_a_volume_says_so(
    storage: Storage, request: pytest.FixtureRequest, disk_fails: bool
) -> None:
    fill(storage)
    if disk_fails:
        with volumes_that_sync_nothing(), pytest.raises(StorageUnavailable):
            storage.deletions.study(STUDY)
        # That it is not there is no promise yet.
        with volumes_that_sync_nothing(), pytest.raises(StorageUnavailable):
            storage.deletions.study(STUDY)
    else:
        killed_behind_the_tombstone(lambda: storage.deletions.study(STUDY))
    with pytest.raises(NotFound):
        storage.deletions.study(STUDY)
    assert tombstones(storage) == {1}
    restarted(storage)
    settings = emptied(storage.settings, request)
    assert reindex(settings, "volumes").instances == 0


def test_a_resend_behind_a_deletion_that_was_killed_stays(storage: Storage) -> None:
    fill(storage)
    with open_storage(storage.settings) as scp:
        killed_behind_the_tombstone(lambda: storage.deletions.study(STUDY))
        assert scp.ingest.accept(part10(instance="1"), "dimse:A").outcome == "stored"
    restarted(storage)
    assert [one.sop_instance_uid for one in storage.index.instances_of(STUDY)] == [uid("1")]


def test_housekeeping_leaves_the_tombstone_of_a_deletion_under_way_to_it(storage: Storage) -> None:
    storage.ingest.accept(part10(), "stow")
    append = VolumeWriter.append_records

    def beside(self: VolumeWriter, records: Any) -> Any:
        patched.undo()
        Housekeeper(storage).round(utcnow())
        return append(self, records)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VolumeWriter, "append_records", beside)
        storage.deletions.study(STUDY)
    close(storage)
    paths = volumes_in(storage.volumes.folder)
    kinds = [record.note.kind for path in paths for record in scan(path)]
    assert kinds.count("tombstone") == 1


def test_an_object_stays_in_the_bucket_until_a_volume_tells_of_its_deletion(
    storage: Storage,
) -> None:
    """A backup of the rows of before needs it."""
    storage.ingest.accept(part10(), "stow")
    upload_instances(storage.engine, storage.instances, storage.objects, limit=10)
    with volumes_that_sync_nothing(), pytest.raises(StorageUnavailable):
        storage.deletions.study(STUDY)
    assert storage.deletions.purge() == 0
    Housekeeper(storage).round(utcnow() + timedelta(minutes=2))
    assert tombstones(storage) == {1}
    assert list(storage.objects.list("dicom/")) == []


@pytest.mark.parametrize("what", ["study", "discard", "accept"])
def test_the_audit_trail_has_what_was_killed_behind_the_tombstone(
    storage: Storage, what: str
) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.ingest.accept(OTHER, "stow")
    (conflict,) = storage.conflicts.waiting()
    changes: dict[str, Callable[[], Any]] = {
        "study": lambda: storage.deletions.study(STUDY),
        "discard": lambda: storage.conflicts.discard(conflict.conflict_id),
        "accept": lambda: storage.conflicts.accept(conflict.conflict_id),
    }

    def with_event() -> None:
        event = AuditEvent(Code.STUDY_DELETED, "D", NODE, study_instance_uids=(STUDY,))
        with record_of_change(storage.audit, event):
            changes[what]()

    killed_behind_the_tombstone(with_event)
    restarted(storage)
    wanted = AuditFilter(study_instance_uid=STUDY, code=Code.STUDY_DELETED)
    assert find_events(storage.engine, wanted, 10, 0)[1] == 1
    assert storage.conflicts.waiting() == []
    held = [storage.instances.read(one) for one in storage.index.instances_of(STUDY)]
    assert held == {"study": [], "discard": [part10()], "accept": [OTHER]}[what]


@pytest.mark.parametrize("what", ["discard", "accept"])
def test_a_decision_that_the_disk_did_not_take_is_made_once(storage: Storage, what: str) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.ingest.accept(OTHER, "stow")
    (conflict,) = storage.conflicts.waiting()
    decide = getattr(storage.conflicts, what)
    append = VolumeWriter.append_records

    def no_tombstone(self: VolumeWriter, records: Any) -> Any:
        records = list(records)
        if records[0].note.kind != "tombstone":
            return append(self, records)
        with volumes_that_sync_nothing():
            return append(self, records)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VolumeWriter, "append_records", no_tombstone)
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                decide(conflict.conflict_id)
    with pytest.raises(NotFound):
        decide(conflict.conflict_id)
    restarted(storage)
    assert storage.conflicts.waiting() == []
    stored = storage.instances.read(storage.index.instance(uid("instance")))
    assert stored == (OTHER if what == "accept" else part10())


@pytest.mark.parametrize("is_looked_at", [False, True], ids=["open", "reconciled"])
def test_a_hold_keeps_what_an_earlier_version_left_half_deleted(
    storage: Storage, is_looked_at: bool, request: pytest.FixtureRequest
) -> None:
    """It wrote the tombstone first, answered 503, and then took a legal hold."""
    storage.ingest.accept(part10(), "stow")
    if is_looked_at:
        restarted(storage)
    one = storage.index.instance(uid("instance"))
    gone = Deleted(one.sop_instance_uid, one.series_instance_uid, one.received_at)
    tombstone = Tombstone(STUDY, utcnow(), storage.volumes.generation.advance(), (gone,))
    storage.volumes.append_records([tombstone.record()])
    storage.legal_holds.place(hold())
    restarted(storage)
    reconcile(storage.engine, storage.volumes.folder)
    storage.legal_holds.release(STUDY, utcnow())
    with writing(storage.engine) as connection:
        connection.execute(delete(t.volume))
    restarted(storage)
    assert storage.instances.read(storage.index.instance(uid("instance"))) == part10()
    close(storage)
    assert reindex(emptied(storage.settings, request), "volumes").instances == 1
