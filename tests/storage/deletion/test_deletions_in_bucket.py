"""What was deleted does not come back with an index that is rebuilt from a bucket of volumes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import writing
from storage.deletion.copies_in_bucket import copy_deletions
from storage.index.tombstones import Deleted, Tombstone, note_tombstone
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.reindexing.reindex import rebuild_from, reindex
from storage.maintenance.reindexing.rows import Rebuilt
from storage.maintenance.volume_cache import limit_cache
from storage.objects.keys import DELETIONS
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade
from tests.storage.deletion.test_deleting import SERIES, STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

pytestmark = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings.model_copy(update={"s3_layout": "volumes"})) as opened:
        yield opened


def settle(storage: Storage) -> None:
    for minute in range(3):
        close(storage)
        Housekeeper(storage).round(utcnow() + timedelta(minutes=minute))


def lose_volumes(storage: Storage) -> None:
    for path in volumes_in(storage.volumes.folder):
        path.unlink()


def left(settings: Settings) -> str:
    """The numbers of the instances that are there."""
    upgrade(settings)
    with open_storage(settings) as rebuilt:
        found = ""
        for number in "012":
            try:
                rebuilt.index.instance(uid(number))
            except NotFound:
                continue
            found += number
        return found


def test_what_was_deleted_alone_stays_so_where_the_bucket_is_all_that_is_left(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    """The tombstone lay in a volume of its own, which is not copied."""
    for number in "01":
        storage.ingest.accept(part10(instance=number), "stow")
    settle(storage)
    storage.deletions.instance(uid("0"))
    settle(storage)
    assert len(list(storage.objects.list(DELETIONS))) == 1
    lose_volumes(storage)
    for _ in range(2):
        settings = emptied(storage.settings, request)
        done = reindex(settings, "bucket", storage.objects)
        assert (done.instances, done.deleted) == (1, 1)
        assert left(settings) == "1"


def test_what_was_sent_again_is_there_although_the_same_was_deleted(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for number in "01":
        storage.ingest.accept(part10(instance=number), "stow")
    settle(storage)
    storage.deletions.instance(uid("0"))
    settle(storage)
    storage.ingest.accept(part10(instance="0"), "stow")
    settle(storage)
    limit_cache(storage.engine, storage.volumes, 0)
    for what in ("what the cache left", "nothing"):
        if what == "nothing":
            lose_volumes(storage)
        settings = emptied(storage.settings, request)
        assert rebuild_from(settings, storage.objects).instances == 2
        assert left(settings) == "01"


@pytest.mark.parametrize("from_bucket", [False, True])
def test_a_new_node_on_an_old_bucket_keeps_what_the_old_one_had_deleted(
    storage: Storage, request: pytest.FixtureRequest, from_bucket: bool
) -> None:
    """Its deletions are numbered from one again; those of the old one are none of its own."""
    storage.ingest.accept(part10(instance="0"), "stow")
    storage.deletions.instance(uid("0"))
    settle(storage)
    lose_volumes(storage)
    (storage.volumes.folder / "deletions").unlink()
    settings = emptied(storage.settings, request)
    upgrade(settings)
    with open_storage(settings) as new:
        for number in "01":
            new.ingest.accept(part10(instance=number), "stow")
        close(new)
        new.deletions.instance(uid("1"))
        settle(new)
        assert len(list(new.objects.list(DELETIONS))) == 2
        if from_bucket:
            lose_volumes(new)
        for _ in range(2):
            again = emptied(new.settings, request)
            assert rebuild_from(again, new.objects).instances == 1
            assert left(again) == "0"
            with open_storage(again) as rebuilt:
                settle(rebuilt)


def test_what_of_a_deletion_is_found_while_it_is_copied_is_copied_as_well(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that was put back knew a part of it."""
    at = utcnow()
    first, second = (
        Tombstone(STUDY, at, 7, (Deleted(uid(number), SERIES, at),)) for number in "01"
    )
    with writing(storage.engine) as connection:
        note_tombstone(connection, first)
    put = storage.objects.put
    found: list[str] = []

    def put_meanwhile(key: str, data: bytes) -> None:
        put(key, data)
        if not found:
            found.append(key)
            with writing(storage.engine) as connection:
                note_tombstone(connection, second)

    monkeypatch.setattr(storage.objects, "put", put_meanwhile)
    assert copy_deletions(storage.engine, storage.objects) == 1
    assert copy_deletions(storage.engine, storage.objects) == 1
    assert copy_deletions(storage.engine, storage.objects) == 0
    (key,) = storage.objects.list(DELETIONS)
    for number in "01":
        assert uid(number).encode() in storage.objects.get(key)


def test_a_damaged_deletion_is_counted_and_keeps_nothing_else_away(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(part10(instance="0"), "stow")
    settle(storage)
    storage.objects.put(f"{DELETIONS}7-x.mvv", b"MVR1 and then nothing of it")
    settings = emptied(storage.settings, request)
    assert reindex(settings, "bucket", storage.objects) == Rebuilt(instances=1, refused=1)
