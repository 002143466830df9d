"""Rows whose record a deletion covers although they came after it: named, renewed, never lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StorageFull
from storage.db.engine import writing
from storage.deletion import service as deletion_service
from storage.deletion.renewal import Renewal
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.index.insert_instance import NewInstance, insert_instances
from storage.maintenance.verify_repair import renew_records
from storage.reconciliation.reconcile import reconcile
from storage.volumes.large_instance import LargeVolume
from storage.volumes.records import Note, ToAppend
from tests.storage.deletion.beside_deletion import UID, once_before, problems, rebuilt, small
from tests.storage.deletion.test_deleting import STUDY, close

pytestmark = pytest.mark.slow_on_postgresql


def covered_row(storage: Storage) -> None:
    """As an earlier version leaves it, or a process killed between the row and its look."""
    storage.ingest.accept(small(1), "stow")
    storage.deletions.study(STUDY)
    content = small(2)
    header = read_header(content)
    digest = digest_of(content[header.dataset_offset :])
    note = Note("stow", "received", utcnow() - timedelta(hours=1))
    record = ToAppend(note, content, header.dataset_offset, digest)
    (location,) = storage.volumes.append_records([record])
    new = NewInstance(header, location, digest.hex(), "stow", "received", note.received_at)
    insert_instances(storage.engine, [new])


def test_a_row_whose_record_a_deletion_covers_is_named_and_repaired(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    covered_row(storage)
    (problem,) = problems(storage)
    assert (problem.kind, problem.sop_instance_uid) == ("record_covered", UID)
    assert renew_records(storage.engine, storage.volumes, [problem]) == 1
    assert problems(storage) == []
    assert rebuilt(storage, request) == (small(2), 0)


def test_a_row_whose_record_a_deletion_covers_is_repaired_at_the_next_start(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    covered_row(storage)
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert problems(storage) == []
    assert rebuilt(storage, request) == (small(2), 0)


def test_an_acknowledged_row_stays_where_it_cannot_be_renewed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk is full.", remedy="Free disk space.")

    covered_row(storage)
    close(storage)
    with monkeypatch.context() as patched:
        patched.setattr(LargeVolume, "finish", full)
        reconcile(storage.engine, storage.volumes.folder)
    assert storage.instances.read(storage.index.instance(UID)) == small(2)
    # The next look at the volume does it.
    reconcile(storage.engine, storage.volumes.folder)
    assert problems(storage) == []
    assert rebuilt(storage, request) == (small(2), 0)


def test_an_acknowledged_row_whose_bytes_are_damaged_stays_and_is_noted(storage: Storage) -> None:
    covered_row(storage)
    close(storage)
    location = storage.index.instance(UID).location
    with (storage.volumes.folder / location.volume).open("r+b") as file:
        file.seek(location.offset + location.length - 2)
        file.write(b"\x77")
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.index.instance(UID).location == location
    assert [one.sop_instance_uid for one in storage.damaged.newest()] == [UID]


@pytest.mark.parametrize("moment", ["_copy", "_move"])
def test_a_deletion_while_an_old_row_is_renewed_takes_it(
    storage: Storage, moment: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    covered_row(storage)
    close(storage)
    once_before(monkeypatch, Renewal, moment, lambda: storage.deletions.study(STUDY))
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.index.stored_instances_of(STUDY) == []
    assert rebuilt(storage, request) == (None, 0)


@pytest.mark.slow
def test_a_deletion_that_began_before_an_old_row_was_renewed_takes_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    covered_row(storage)
    close(storage)

    def renew() -> None:
        assert problems(storage) != []
        reconcile(storage.engine, storage.volumes.folder)
        assert problems(storage) == []

    once_before(monkeypatch, deletion_service, "bury_by", renew)
    storage.deletions.study(STUDY)
    assert storage.index.stored_instances_of(STUDY) == []
    assert rebuilt(storage, request) == (None, 0)


@pytest.mark.parametrize("is_open", [True, False])
def test_what_is_sent_again_is_not_acknowledged_while_a_deletion_covers_its_record(
    storage: Storage,
    is_open: bool,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    covered_row(storage)
    if not is_open:
        close(storage)

    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk is full.", remedy="Free disk space.")

    with monkeypatch.context() as patched:
        patched.setattr(LargeVolume, "finish", full)
        with pytest.raises(StorageFull):
            storage.ingest.accept(small(2), "stow")
    assert storage.ingest.accept(small(2), "stow").outcome == "duplicate"
    renewed = storage.index.instance(UID).location
    assert storage.ingest.accept(small(2), "stow").outcome == "duplicate"
    assert storage.index.instance(UID).location == renewed
    assert rebuilt(storage, request) == (small(2), 0)


@pytest.mark.slow
def test_a_covered_row_whose_bytes_are_damaged_is_repaired_by_what_is_sent_again(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    covered_row(storage)
    close(storage)
    location = storage.index.instance(UID).location
    with (storage.volumes.folder / location.volume).open("r+b") as file:
        file.seek(location.offset + location.length - 2)
        file.write(b"\x77")
    assert storage.ingest.accept(small(2), "stow").outcome == "duplicate"
    assert problems(storage) == []
    assert rebuilt(storage, request) == (small(2), 0)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["repaired", "accepted"])
def test_what_takes_the_place_of_an_acknowledged_instance_stays_where_its_record_cannot_be_renewed(
    storage: Storage,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """A later deletion, of which it knows nothing, covers the record that has its row."""

    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk is full.", remedy="Free disk space.")

    storage.ingest.accept(small(1), "stow")
    storage.ingest.accept(small(2), "stow")
    (waiting,) = storage.conflicts.waiting()
    row = storage.index.instance(UID)

    def deleted_elsewhere() -> None:
        values = {
            "sop_instance_uid": UID,
            "study_instance_uid": STUDY,
            "generation": storage.volumes.generation.advance(),
            "deleted_at": utcnow(),
        }
        with writing(storage.engine) as connection:
            connection.execute(insert(t.tombstone).values(**values))

    changes: dict[str, Callable[[], object]] = {
        "repaired": lambda: storage.ingest.accept(small(1), "stow"),
        "accepted": lambda: storage.conflicts.accept(waiting.conflict_id),
    }
    if what == "repaired":
        storage.damaged.note(row, "damaged", has_copy=False)
    once_before(monkeypatch, Renewal, "renew", deleted_elsewhere)
    monkeypatch.setattr(LargeVolume, "finish", full)
    with pytest.raises(StorageFull):
        changes[what]()
    monkeypatch.undo()
    content = small(1) if what == "repaired" else small(2)
    assert storage.instances.read(storage.index.instance(UID)) == content
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert problems(storage) == []
    assert rebuilt(storage, request)[0] == content
