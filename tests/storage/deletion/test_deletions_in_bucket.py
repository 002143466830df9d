"""What was deleted does not come back with an index that is rebuilt from the bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, BinaryIO

import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageUnavailable
from storage.db.engine import writing
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.reindex import rebuild_from, reindex
from storage.maintenance.upgrade import upgrade
from storage.maintenance.volume_cache import limit_cache
from storage.objects.keys import DELETIONS, object_key
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.test_verify_reindex import emptied

with_a_bucket = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)
pytestmark = with_a_bucket


@pytest.fixture(params=["instances", "volumes"])
def storage(storage_settings: Settings, request: pytest.FixtureRequest) -> Iterator[Storage]:
    with open_storage(storage_settings.model_copy(update={"s3_layout": request.param})) as opened:
        yield opened


def settle(storage: Storage) -> None:
    for minute in range(3):
        close(storage)
        Housekeeper(storage).round(utcnow() + timedelta(minutes=minute))


@contextmanager
def bucket_that_deletes_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def away(*_: object) -> None:
        raise StorageUnavailable("The bucket is away.", remedy="Wait.")

    with monkeypatch.context() as patched:
        patched.setattr(type(storage.objects), "delete", away)
        yield patched


def lose_volumes(storage: Storage) -> None:
    for path in volumes_in(storage.volumes.folder):
        path.unlink()


def uids_of(settings: Settings) -> set[str]:
    """What is there, whether asked for by its UID or listed."""
    upgrade(settings)
    with open_storage(settings) as rebuilt:
        found = set()
        for number in ("0", "1", "2"):
            try:
                found.add(rebuilt.index.instance(uid(number)).sop_instance_uid)
            except NotFound:
                continue
        return found


def test_what_was_deleted_alone_stays_so_where_the_bucket_is_all_that_is_left(
    storage: Storage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tombstone lay in a volume of its own, and the object could not leave the bucket yet."""
    for number in ("0", "1"):
        storage.ingest.accept(part10(instance=number), "stow")
    settle(storage)
    with bucket_that_deletes_nothing(storage, monkeypatch):
        storage.deletions.instance(uid("0"))
        settle(storage)
    assert len(list(storage.objects.list(DELETIONS))) == 1
    lose_volumes(storage)
    settings = emptied(storage.settings, request)
    done = reindex(settings, "bucket", storage.objects)
    assert (done.instances, done.deleted) == (1, 1)
    assert uids_of(settings) == {uid("1")}


def test_an_object_that_outlived_its_deletion_goes_after_the_index_was_rebuilt(
    storage: Storage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.ingest.accept(part10(instance="0"), "stow")
    settle(storage)
    key = object_key(storage.index.instance(uid("0")))
    with bucket_that_deletes_nothing(storage, monkeypatch) as patched:
        patched.setattr(type(storage.objects), "put", _away)
        storage.deletions.instance(uid("0"))
        settle(storage)
    assert list(storage.objects.list(DELETIONS)) == []
    settings = emptied(storage.settings, request)
    assert rebuild_from(settings, storage.objects).instances == 0
    assert uids_of(settings) == set()
    with open_storage(settings) as rebuilt:
        settle(rebuilt)
        assert not rebuilt.objects.exists(key)
        assert len(list(rebuilt.objects.list(DELETIONS))) == 1


def test_what_was_sent_again_is_there_although_the_same_was_deleted(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for number in ("0", "1"):
        storage.ingest.accept(part10(instance=number), "stow")
    settle(storage)
    storage.deletions.instance(uid("0"))
    settle(storage)
    storage.ingest.accept(part10(instance="0"), "stow")
    settle(storage)
    limit_cache(storage.engine, storage.volumes, 0)
    assert len(list(storage.objects.list(DELETIONS))) == 1
    for left in ("what the cache left", "nothing"):
        if left == "nothing":
            lose_volumes(storage)
        settings = emptied(storage.settings, request)
        assert rebuild_from(settings, storage.objects).instances == 2
        assert uids_of(settings) == {uid("0"), uid("1")}


def test_deletions_of_earlier_versions_reach_the_bucket_too(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for number in ("0", "1", "2"):
        storage.ingest.accept(part10(instance=number), "stow")
    close(storage)
    storage.deletions.instance(uid("0"))
    with writing(storage.engine) as connection:
        connection.execute(update(t.tombstone).values(received_at=None))
    settle(storage)
    lose_volumes(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "bucket", storage.objects)
    assert uids_of(settings) == {uid("1"), uid("2")}


def test_a_new_node_on_an_old_bucket_keeps_what_the_old_one_noted(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    """Its deletions are numbered from one again."""
    storage.ingest.accept(part10(instance="0"), "stow")
    storage.deletions.instance(uid("0"))
    settle(storage)
    lose_volumes(storage)
    (storage.volumes.folder / "deletions").unlink()
    settings = emptied(storage.settings, request)
    upgrade(settings)
    with open_storage(settings) as new:
        new.ingest.accept(part10(instance="1"), "stow")
        new.deletions.instance(uid("1"))
        settle(new)
        assert len(list(new.objects.list(DELETIONS))) == 2


def _away(
    _self: object, _key: str, _data: bytes | BinaryIO, *_rest: object, **_named: object
) -> None:
    raise StorageUnavailable("The bucket is away.", remedy="Wait.")
