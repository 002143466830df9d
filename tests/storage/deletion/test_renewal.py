"""What is acknowledged beside a deletion outlasts the index, whatever came first on disk."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete

from storage import tables as t
from storage.container import Storage
from storage.core.errors import NotFound, StorageFull, StorageUnavailable
from storage.db.engine import writing
from storage.deletion.renewal import Renewal
from storage.index.indexer import Indexer
from storage.ingest.instance_stream import SPILL_BYTES
from storage.reconciliation.reconcile import reconcile
from storage.volumes.deletion_counter import Generation
from storage.volumes.writer import VolumeWriter
from tests.storage.deletion.beside_deletion import UID, once_before, problems, rebuilt, small
from tests.storage.deletion.test_deleting import STUDY, close
from tests.storage.instances import part10

pytestmark = pytest.mark.slow_on_postgresql


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


@pytest.mark.parametrize("fill", [1, 2], ids=["stored", "conflict"])
def test_what_was_sent_again_meanwhile_keeps_the_row_that_it_was_acknowledged_by(
    storage: Storage, fill: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first sender is refused, since the database went away before the last look."""
    if fill == 2:
        storage.ingest.accept(small(1), "stow")

    def database_gone(*_: object) -> None:
        outcome = storage.ingest.accept(small(fill), "stow").outcome
        assert outcome == ("duplicate" if fill == 1 else "conflict")
        raise StorageUnavailable("The database cannot be reached.")

    monkeypatch.setattr(Renewal, "are_current", lambda *_: False)
    monkeypatch.setattr(Renewal, "renew", database_gone)
    with pytest.raises(StorageUnavailable):
        storage.ingest.accept(small(fill), "stow")
    monkeypatch.undo()
    assert storage.instances.read(storage.index.instance(UID)) == small(1)
    assert len(storage.conflicts.waiting()) == fill - 1


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
