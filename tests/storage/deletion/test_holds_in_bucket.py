"""What a legal hold keeps stays, also where its volume lies in the bucket alone."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.index.tombstones import Deleted, Tombstone
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.object_upload import upload_volume
from storage.maintenance.reindexing.reindex import rebuild_from
from storage.maintenance.volume_cache import limit_cache
from storage.reconciliation.reconcile import bury_again
from storage.settings import Settings
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.deletion.test_deletion_cut_off import (
    hold,
    restarted,
    volumes_that_sync_nothing,
)
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

with_a_bucket = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


@pytest.fixture(params=["instances", "volumes"])
def storage(storage_settings: Settings, request: pytest.FixtureRequest) -> Iterator[Storage]:
    changes = {"s3_layout": request.param, "volume_cache_bytes": 1, "compact_interval_s": 1e-6}
    with open_storage(storage_settings.model_copy(update=changes)) as opened:
        yield opened


def bury_of_all(storage: Storage) -> None:
    reader = VolumeReader(storage.volumes.folder)
    for path in volumes_in(storage.volumes.folder):
        bury_again(storage.engine, path, reader)
    reader.close()


def rounds(storage: Storage) -> None:
    for minute in range(3):
        close(storage)
        Housekeeper(storage).round(utcnow() + timedelta(minutes=minute))


def half_deleted(storage: Storage) -> None:
    """As a version left it that wrote the tombstone first, answered 503, and then took a hold."""
    one = storage.index.instance(uid("instance"))
    gone = Deleted(one.sop_instance_uid, one.series_instance_uid, one.received_at)
    tombstone = Tombstone(STUDY, utcnow(), storage.volumes.generation.advance(), (gone,))
    storage.volumes.append_records([tombstone.record()])
    close(storage)
    storage.legal_holds.place(hold())


@with_a_bucket
def test_a_hold_keeps_what_an_earlier_version_left_half_deleted_in_the_bucket(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(part10(), "stow")
    rounds(storage)
    assert volumes_in(storage.volumes.folder) == []
    half_deleted(storage)
    restarted(storage)
    rounds(storage)
    storage.legal_holds.release(STUDY, utcnow())
    rounds(storage)
    assert storage.instances.read(storage.index.instance(uid("instance"))) == part10()
    close(storage)
    settings = emptied(storage.settings, request)
    assert rebuild_from(settings, storage.objects).instances == 1
    with open_storage(settings) as rebuilt:
        assert rebuilt.instances.read(rebuilt.index.instance(uid("instance"))) == part10()


@with_a_bucket
@pytest.mark.parametrize("storage", ["volumes"], indirect=True)
def test_a_volume_stays_while_what_a_hold_keeps_has_no_record_of_its_own(storage: Storage) -> None:
    storage.ingest.accept(part10(), "stow")
    close(storage)
    assert upload_volume(storage.engine, storage.volumes.folder, storage.objects)
    (only,) = volumes_in(storage.volumes.folder)
    half_deleted(storage)
    bury_of_all(storage)
    with volumes_that_sync_nothing(), suppress(StorageUnavailable):
        limit_cache(storage.engine, storage.volumes, 0)
    assert only.is_file()
    limit_cache(storage.engine, storage.volumes, 0)
    assert not only.is_file()
    assert storage.index.instance(uid("instance")).location.volume != only.name
