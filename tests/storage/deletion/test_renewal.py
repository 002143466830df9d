"""What is acknowledged beside a deletion outlasts the index, whatever came first on disk."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageFull
from storage.db.engine import writing
from storage.deletion import service as deletion_service
from storage.deletion.renewal import Renewal
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, insert_instances
from storage.ingest.instance_stream import SPILL_BYTES
from storage.maintenance.reindex import reindex
from storage.maintenance.verify import Problem, verify_storage
from storage.maintenance.verify_repair import renew_records
from storage.reconciliation.reconcile import reconcile
from storage.volumes.deletion_counter import Generation
from storage.volumes.large_instance import LargeVolume
from storage.volumes.records import Note, ToAppend
from storage.volumes.writer import VolumeWriter
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.test_verify_reindex import emptied

pytestmark = pytest.mark.slow_on_postgresql

UID = uid("instance")


def small(fill: int) -> bytes:
    return part10(PixelData=bytes([fill]) * 12)


def large(fill: int) -> bytes:
    return part10(PixelData=bytes([fill]) * (SPILL_BYTES + (1 << 20)))


def streamed(storage: Storage, content: bytes, meanwhile: Callable[[], object]) -> str:
    """Stored in pieces; `meanwhile` happens at nine tenths of it."""
    stream = storage.ingest.open_stream("stow")
    edge = len(content) * 9 // 10
    stream.write(content[:edge])
    meanwhile()
    stream.write(content[edge:])
    return stream.finish().outcome


def once_before(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, meanwhile: Callable[[], object]
) -> None:
    """Let something happen before the next call of a method."""
    method = getattr(owner, name)

    def wrapped(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(owner, name, method)
        meanwhile()
        return method(*arguments, **named)

    monkeypatch.setattr(owner, name, wrapped)


def problems(storage: Storage) -> list[Problem]:
    close(storage)
    return list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))


def rebuilt(storage: Storage, request: pytest.FixtureRequest) -> tuple[bytes | None, int]:
    """The instance and how many conflicts there are, once the index was built from the volumes."""
    close(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as other:
        found = other.index.stored_instances_of(STUDY)
        return (
            other.instances.read(found[0]) if found else None,
            len(other.conflicts.waiting()),
        )


@pytest.mark.parametrize("content", [large(1), large(2)], ids=["same", "other"])
def test_a_large_instance_outlasts_a_deletion_in_the_middle_of_it(
    storage: Storage, content: bytes, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(large(1), "stow")
    outcome = streamed(storage, content, lambda: storage.deletions.study(STUDY))
    assert outcome == "stored"
    assert problems(storage) == []
    assert rebuilt(storage, request) == (content, 0)


@pytest.mark.parametrize(
    ("make", "moment"),
    [(small, (VolumeWriter, "wait_for")), (small, (Indexer, "write")), (large, (Indexer, "write"))],
    ids=["staged", "durable", "large"],
)
def test_an_instance_outlasts_a_deletion_at_any_moment_before_its_row(
    storage: Storage,
    make: Callable[[int], bytes],
    moment: tuple[type, str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    storage.ingest.accept(make(1), "stow")
    once_before(monkeypatch, *moment, lambda: storage.deletions.study(STUDY))
    outcome = streamed(storage, make(2), lambda: None)
    assert outcome == "stored"
    assert problems(storage) == []
    stored = storage.index.instance(UID)
    # As a crash of PostgreSQL takes a row that did not wait for the disk.
    with writing(storage.engine) as connection:
        connection.execute(delete(t.instance))
        connection.execute(delete(t.volume))
    assert reconcile(storage.engine, storage.volumes.folder) == 1
    assert storage.index.instance(UID).location == stored.location
    assert rebuilt(storage, request) == (make(2), 0)


@pytest.mark.slow
def test_content_that_arrives_while_it_is_discarded_waits_again(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(large(1), "stow")
    storage.ingest.accept(large(2), "stow")
    (waiting,) = storage.conflicts.waiting()
    outcome = streamed(storage, large(2), lambda: storage.conflicts.discard(waiting.conflict_id))
    assert outcome == "conflict"
    assert len(storage.conflicts.waiting()) == 1
    assert rebuilt(storage, request) == (large(1), 1)


@pytest.mark.slow
def test_small_content_that_arrives_while_it_is_discarded_waits_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(small(1), "stow")
    storage.ingest.accept(small(2), "stow")
    (waiting,) = storage.conflicts.waiting()
    once_before(
        monkeypatch, Indexer, "write", lambda: storage.conflicts.discard(waiting.conflict_id)
    )
    assert storage.ingest.accept(small(2), "stow").outcome == "conflict"
    assert len(storage.conflicts.waiting()) == 1
    assert problems(storage) == []
    assert rebuilt(storage, request) == (small(1), 1)


@pytest.mark.slow
@pytest.mark.parametrize("counted_first", ["accept", "deletion"])
def test_what_is_accepted_beside_a_deletion_goes_with_its_study(
    storage: Storage,
    counted_first: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    storage.ingest.accept(small(1), "stow")
    storage.ingest.accept(small(2), "stow")
    (waiting,) = storage.conflicts.waiting()
    counted = storage.volumes.generation.advance()

    def delete_study() -> None:
        with pytest.MonkeyPatch.context() as patched:
            if counted_first == "deletion":
                patched.setattr(Generation, "advance", lambda _: counted)
            storage.deletions.study(STUDY)

    once_before(monkeypatch, VolumeWriter, "append_records", delete_study)
    with pytest.raises(NotFound):
        storage.conflicts.accept(waiting.conflict_id)
    close(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 0
    assert rebuilt(storage, request) == (None, 0)


def test_an_instance_is_refused_and_gone_where_its_record_cannot_be_renewed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk is full.", remedy="Free disk space.")

    storage.ingest.accept(small(1), "stow")
    once_before(monkeypatch, Indexer, "write", lambda: storage.deletions.study(STUDY))
    monkeypatch.setattr(Renewal, "_copy", full)
    with pytest.raises(StorageFull):
        storage.ingest.accept(small(2), "stow")
    monkeypatch.undo()
    assert storage.index.stored_instances_of(STUDY) == []
    assert storage.ingest.accept(small(2), "stow").outcome == "stored"


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


def test_what_came_again_between_two_deletions_is_not_covered_by_the_second(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The second began with what the first has taken."""

    def other() -> None:
        storage.deletions.study(STUDY)
        assert storage.ingest.accept(small(2), "stow").outcome == "stored"

    storage.ingest.accept(small(1), "stow")
    once_before(monkeypatch, Generation, "advance", other)
    storage.deletions.study(STUDY)
    assert storage.index.instance(UID)
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
