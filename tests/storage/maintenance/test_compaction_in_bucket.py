"""A bucket of whole volumes has all that it had, also while a volume of it is compacted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.reindexing.reindex import reindex
from storage.settings import load_settings
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.servers import S3Server
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10

SIZE = 60_000


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(
    request: pytest.FixtureRequest, s3_server: S3Server, tmp_path: Path
) -> Iterator[Storage]:
    url = ""
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        url = postgres.migrated_database()
    settings = load_settings(
        data_dir=tmp_path / "data",
        database_url=url,
        object_store="s3",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
        s3_layout="volumes",
    )
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened
    if url:
        postgres.drop(url)


def in_bucket(storage: Storage) -> list[str]:
    return [key.removeprefix("volumes/") for key in storage.objects.list("volumes/")]


def local(storage: Storage) -> list[str]:
    return [path.name for path in volumes_in(storage.volumes.folder)]


def copied(storage: Storage, numbers: str) -> str:
    """Instances in one volume that is in the bucket; its name."""
    for number in numbers:
        storage.ingest.accept(part10(instance=number, PixelData=bytes(SIZE)), "stow")
    close(storage)
    Housekeeper(storage).round(utcnow())
    name = storage.index.instance(uid(numbers[-1])).location.volume
    assert name in in_bucket(storage)
    return name


def found_in_bucket(storage: Storage, tmp_path: Path) -> int:
    """Instances in an index that is rebuilt from the bucket alone."""
    other = storage.settings.model_copy(
        update={"data_dir": tmp_path / "other", "database_url": f"sqlite:///{tmp_path}/new.sqlite3"}
    )
    (tmp_path / "new.sqlite3").unlink(missing_ok=True)
    return reindex(other, "bucket", storage.objects).instances


def unreachable(*_: object, **__: object) -> None:
    raise StorageUnavailable("The bucket does not answer.")


def test_the_copy_of_a_compacted_volume_stays_until_there_is_another(
    storage: Storage, tmp_path: Path
) -> None:
    first = copied(storage, "012")
    for number in "01":
        storage.deletions.instance(uid(number))
    keeper = Housekeeper(storage)
    for minutes in (1, 40, 200):
        # The open volume goes on being written.
        keeper.round(utcnow() + timedelta(minutes=minutes), compact_now=True)
        assert first in in_bucket(storage)
        assert found_in_bucket(storage, tmp_path) == 1
    assert first not in local(storage), "its file waits for nothing but the grace time"

    # Its successor is compacted before it is in the bucket.
    storage.ingest.accept(part10(instance="3", PixelData=bytes(3 * SIZE)), "stow")
    second = storage.index.instance(uid("2")).location.volume
    close(storage)
    storage.deletions.instance(uid("3"))
    storage.objects.put, put = unreachable, storage.objects.put  # type: ignore[method-assign]
    keeper.round(utcnow() + timedelta(minutes=240), compact_now=True)
    keeper.round(utcnow() + timedelta(minutes=400), compact_now=True)
    storage.objects.put = put  # type: ignore[method-assign]
    third = storage.index.instance(uid("2")).location.volume
    assert second not in (*local(storage), third)
    assert found_in_bucket(storage, tmp_path) == 1

    close(storage)
    for minutes in (401, 402):
        keeper.round(utcnow() + timedelta(minutes=minutes), compact_now=True)
    assert in_bucket(storage) == [third]
    assert found_in_bucket(storage, tmp_path) == 1


def test_nothing_is_kept_for_what_was_deleted_meanwhile(storage: Storage) -> None:
    first = copied(storage, "012")
    for number in "01":
        storage.deletions.instance(uid(number))
    keeper = Housekeeper(storage)
    for minutes in (1, 40):
        keeper.round(utcnow() + timedelta(minutes=minutes), compact_now=True)
    assert in_bucket(storage) == [first]
    storage.deletions.instance(uid("2"))
    keeper.round(utcnow() + timedelta(minutes=41))
    assert in_bucket(storage) == []


def test_the_copy_from_which_an_instance_was_repaired_stays_as_well(
    storage: Storage, tmp_path: Path
) -> None:
    first = copied(storage, "012")
    path = storage.volumes.folder / first
    with path.open("r+b") as file:
        file.seek(storage.index.instance(uid("2")).location.offset + SIZE // 2)
        file.write(b"\xff")
    keeper = Housekeeper(storage)
    storage.damaged.note(storage.index.instance(uid("2")), "damaged", has_copy=True)
    keeper.round(utcnow() + timedelta(minutes=1))
    assert storage.index.instance(uid("2")).location.volume != first, "repaired"
    for number in "01":
        storage.deletions.instance(uid(number))
    for minutes in (2, 40, 80):
        keeper.round(utcnow() + timedelta(minutes=minutes), compact_now=True)
    assert first not in local(storage)
    assert found_in_bucket(storage, tmp_path) == 1
