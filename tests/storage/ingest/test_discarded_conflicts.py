"""A conflict that somebody discarded does not come back, unless it is sent again."""

import pytest
from sqlalchemy import insert

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.verify import verify_storage
from storage.maintenance.volume_rewriting import rewrite
from storage.reconciliation.missing_rows import count_without_row
from storage.reconciliation.reconcile import reconcile
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

SECOND = part10(PatientID="P2")


@pytest.fixture
def kept_aside(storage: Storage) -> int:
    """The number of a conflict."""
    storage.ingest.accept(part10(), "first")
    storage.ingest.accept(part10(PatientID="P3"), "third")
    assert storage.ingest.accept(SECOND, "second").outcome == "conflict"
    return next(one.conflict_id for one in storage.conflicts.waiting(source="second"))


def waiting(storage: Storage) -> list[str]:
    return [one.source for one in storage.conflicts.waiting()]


def restarted(storage: Storage) -> list[str]:
    """What waits when the receiver has started again."""
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    return waiting(storage)


def compacted(storage: Storage) -> list[str]:
    close(storage)
    reader = VolumeReader(storage.volumes.folder)
    for path in volumes_in(storage.volumes.folder):
        if rewrite(storage.engine, storage.volumes, path, reader, utcnow()) is not None:
            path.unlink()
    reader.close()
    return waiting(storage)


def test_what_was_discarded_stays_away(storage: Storage, kept_aside: int) -> None:
    storage.conflicts.discard(kept_aside)
    assert waiting(storage) == ["third"]
    assert restarted(storage) == ["third"]
    assert list(verify_storage(
        storage.engine, storage.index, storage.objects, storage.volumes
    )) == []  # fmt: skip
    assert not any(
        count_without_row(storage.engine, path) for path in volumes_in(storage.volumes.folder)
    )
    for _ in range(2):
        assert compacted(storage) == ["third"]
    assert restarted(storage) == ["third"]


def test_what_was_discarded_stays_away_from_a_rebuilt_index(
    storage: Storage, kept_aside: int, request: pytest.FixtureRequest
) -> None:
    storage.conflicts.discard(kept_aside)
    close(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as rebuilt:
        assert waiting(rebuilt) == ["third"]


def test_what_is_sent_again_waits_again(
    storage: Storage, kept_aside: int, request: pytest.FixtureRequest
) -> None:
    storage.conflicts.discard(kept_aside)
    close(storage)
    assert storage.ingest.accept(SECOND, "again").outcome == "conflict"
    assert restarted(storage) == ["third", "again"]
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as rebuilt:
        assert sorted(waiting(rebuilt)) == ["again", "third"]


def test_a_decision_that_a_crash_cut_off_is_not_made(
    storage: Storage, kept_aside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("storage.deletion.service.remove_rows", killed)
    with pytest.raises(SystemExit):
        storage.conflicts.discard(kept_aside)
    monkeypatch.undo()
    assert restarted(storage) == ["third", "second"]


def test_what_is_stored_stays_when_a_conflict_of_the_same_content_is_discarded(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    """As another process leaves it that compared a content with the one before, on PostgreSQL."""
    storage.ingest.accept(part10(), "first")
    stored = storage.index.instance(uid("instance"))
    with writing(storage.engine) as connection:
        connection.execute(
            insert(t.conflict).values(
                sop_instance_uid=stored.sop_instance_uid,
                size_bytes=stored.size_bytes,
                digest=stored.digest,
                source="second",
                received_at=utcnow(),
                volume=stored.location.volume,
                volume_offset=stored.location.offset,
            )
        )
    (conflict,) = storage.conflicts.waiting()
    storage.conflicts.discard(conflict.conflict_id)
    assert waiting(storage) == []
    close(storage)
    settings = emptied(storage.settings, request)
    assert reindex(settings, "volumes").instances == 1
