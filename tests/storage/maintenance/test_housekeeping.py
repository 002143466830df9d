"""Compacting, cache and backlog: what is kept stays readable all the while."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.db.engine import reading
from storage.db.locks.advisory_lock import housekeeping_lock
from storage.maintenance.compaction import compact, volume_uses
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.object_upload import is_behind, upload_instances
from storage.maintenance.retired_volumes import remove_retired
from storage.maintenance.volume_cache import limit_cache
from storage.objects.backlog import check_backlog
from storage.reconciliation.reconcile import reconcile
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.ready_processes import ReadyPopen
from tests.storage.deletion.test_deleting import STUDY, close, lose_index, uid
from tests.storage.instances import part10

SIZE = 60_000
with_a_bucket = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


def instance(number: int, series: str = "series") -> bytes:
    pixels = bytes([number % 251]) * SIZE
    return part10(series=series, instance=str(number), Rows=100, Columns=300, PixelData=pixels)


def fill(storage: Storage, count: int = 10) -> dict[str, bytes]:
    contents = {uid(str(number)): instance(number) for number in range(count)}
    for content in contents.values():
        storage.ingest.accept(content, "stow")
    return contents


def check(storage: Storage, contents: dict[str, bytes]) -> None:
    found = {one.sop_instance_uid: one for one in storage.index.instances_of(STUDY)}
    assert found.keys() == contents.keys()
    for name, content in contents.items():
        assert storage.instances.read(found[name]) == content


def volume_names(storage: Storage) -> list[str]:
    return [path.name for path in volumes_in(storage.volumes.folder)]


def test_compacting_keeps_what_lives_and_frees_the_rest(storage: Storage) -> None:
    contents = fill(storage)
    storage.ingest.accept(part10(instance="0", PatientID="P2"), "stow")
    for number in range(8):
        storage.deletions.instance(uid(str(number)))
        del contents[uid(str(number))]
    storage.ingest.accept(part10(instance="9", PatientID="P2"), "stow")
    close(storage)
    (use,) = volume_uses(storage.engine, storage.volumes.folder)
    assert 0.7 < use.dead_ratio < 0.9
    old = storage.index.instance(uid("9"))
    done = compact(storage.engine, storage.volumes, 0.5, utcnow())
    assert (done.volumes, done.freed_bytes > 8 * SIZE) == (1, True)
    assert remove_retired(storage.engine, storage.volumes.folder, 60, utcnow()) == 0
    later = utcnow() + timedelta(seconds=61)
    assert remove_retired(storage.engine, storage.volumes.folder, 60, later) == 1
    assert len(volume_names(storage)) == 1
    close(storage)
    assert storage.instances.read(old) == contents[uid("9")], "a reader with the old place"
    check(storage, contents)
    with reading(storage.engine) as connection:
        (conflict,) = connection.execute(select(t.conflict)).all()
    assert conflict.volume == volume_names(storage)[0]
    lose_index(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 2, "tombstones moved along"
    check(storage, contents)


def test_a_reader_in_between_never_fails(storage: Storage) -> None:
    contents = fill(storage, 6)
    failures: list[Exception] = []
    ended = threading.Event()

    def read_on() -> None:
        stale = storage.index.instances_of(STUDY)
        try:
            while not ended.is_set():
                for one in stale:
                    assert storage.instances.read(one) == contents[one.sop_instance_uid]
        except (AssertionError, MediViewError) as error:
            failures.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    for _ in range(5):
        storage.volumes.close()
        compact(storage.engine, storage.volumes, 1e-9, utcnow())
        remove_retired(storage.engine, storage.volumes.folder, 0, utcnow())
    ended.set()
    thread.join()
    assert not failures


def test_a_volume_that_is_damaged_is_left_for_a_person(storage: Storage) -> None:
    fill(storage, 4)
    for number in range(3):
        storage.deletions.instance(uid(str(number)))
    close(storage)
    (path,) = volumes_in(storage.volumes.folder)
    one = storage.index.instance(uid("3"))
    content = bytearray(path.read_bytes())
    content[one.location.offset + SIZE // 2] ^= 1
    path.write_bytes(content)
    assert compact(storage.engine, storage.volumes, 0.5, utcnow()).volumes == 0
    assert path.exists()


COMPACT_FOR_EVER = """
import sys
from storage.core.clock import utcnow
from storage.maintenance.compaction import compact
from storage.maintenance.retired_volumes import remove_retired
from storage.container import open_storage
from storage.settings import load_settings
with open_storage(load_settings()) as storage:
    print("begun", flush=True)
    while True:
        compact(storage.engine, storage.volumes, 1e-9, utcnow())
        remove_retired(storage.engine, storage.volumes.folder, 0.05, utcnow())
        storage.volumes.close()
"""


@pytest.mark.fault
@pytest.mark.slow
def test_kill_9_in_the_middle_of_compacting_harms_nothing(storage: Storage) -> None:
    contents = fill(storage, 12)
    for number in range(4):
        storage.deletions.instance(uid(str(number)))
        del contents[uid(str(number))]
    close(storage)
    for round_number in range(6):
        kill_in_the_middle(storage.settings, COMPACT_FOR_EVER, 0.05 + 0.07 * round_number)
        check(storage, contents)
    reconcile(storage.engine, storage.volumes.folder)
    check(storage, contents)
    lose_index(storage)
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    check(storage, contents)
    with housekeeping_lock(storage.engine, storage.settings.data_dir) as mine:
        assert mine


def kill_in_the_middle(settings: Settings, program: str, after_s: float) -> None:
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(settings.data_dir),
        "MEDIVIEW_DATABASE_URL": settings.database_url,
        "MEDIVIEW_OBJECT_STORE": settings.object_store,
        "MEDIVIEW_S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "MEDIVIEW_S3_BUCKET": settings.s3_bucket,
        "MEDIVIEW_S3_ACCESS_KEY_ID": settings.s3_access_key_id,
        "MEDIVIEW_S3_SECRET_ACCESS_KEY": settings.s3_secret_access_key.get_secret_value(),
    }
    process = ReadyPopen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    time.sleep(after_s)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_only_one_keeps_house_at_a_time(storage: Storage) -> None:
    with housekeeping_lock(storage.engine, storage.settings.data_dir) as mine:
        assert mine
        assert not Housekeeper(storage).round(utcnow())
        with housekeeping_lock(storage.engine, storage.settings.data_dir) as also:
            assert not also
    with housekeeping_lock(storage.engine, storage.settings.data_dir) as again:
        assert again


def test_the_cache_keeps_what_is_nowhere_else(storage: Storage) -> None:
    contents = {}
    for number in range(6):
        contents[uid(str(number))] = instance(number)
        storage.ingest.accept(instance(number), "stow")
        if number == 1:
            storage.ingest.accept(part10(instance="1"), "stow")
        storage.volumes.close()
        time.sleep(0.002)
    dead = storage.index.instance(uid("5")).location.volume
    storage.deletions.instance(uid("5"))
    del contents[uid("5")]
    storage.volumes.close()
    assert limit_cache(storage.engine, storage.volumes, 0) == [dead]
    assert upload_instances(storage.engine, storage.instances, storage.objects, 3) == 3
    before = volume_names(storage)
    keeps = {storage.index.instance(uid(n)).location.volume for n in "134"}
    dropped = limit_cache(storage.engine, storage.volumes, 0)
    assert len(dropped) == 2
    assert not set(dropped) & keeps, "one has a conflict, two are in no bucket yet"
    assert set(volume_names(storage)) == set(before) - set(dropped)
    check(storage, contents)
    lose_index(storage)
    close(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert uid("5") not in {one.sop_instance_uid for one in storage.index.instances_of(STUDY)}


@contextmanager
def with_settings(storage_settings: Settings, **changes: object) -> Iterator[Storage]:
    with open_storage(storage_settings.model_copy(update=changes)) as storage:
        yield storage


@with_a_bucket
def test_whole_volumes_settle_are_dropped_read_by_range_and_compacted(
    storage_settings: Settings,
) -> None:
    changes = {"s3_layout": "volumes", "volume_cache_bytes": 1, "compact_interval_s": 1e-6}
    with with_settings(storage_settings, volume_grace_s=0.0, **changes) as storage:
        keeper = Housekeeper(storage)
        contents = fill(storage, 4)
        assert not keeper.round(utcnow()), "the open volume waits"
        close(storage)
        (name,) = volume_names(storage)
        while keeper.round(utcnow()):
            pass
        assert list(storage.objects.list("volumes/")) == [f"volumes/{name}"]
        assert volume_names(storage) == []
        assert not is_behind(storage.engine)
        check(storage, contents)
        for number in range(3):
            storage.deletions.instance(uid(str(number)))
            del contents[uid(str(number))]
        check(storage, contents)
        for _ in range(4):
            keeper.round(utcnow())
            storage.volumes.close()
        check(storage, contents)
        (key,) = storage.objects.list("volumes/")
        assert key != f"volumes/{name}"
        assert storage.objects.size(key) < 2 * SIZE


@with_a_bucket
def test_a_short_disk_gets_no_volumes_back_from_the_bucket(storage_settings: Settings) -> None:
    """They would fill it, and to rewrite them frees the bucket alone."""
    changes = {"s3_layout": "volumes", "volume_cache_bytes": 1, "compact_interval_s": 1e-6}
    with with_settings(storage_settings, **changes) as storage:
        contents = fill(storage, 10)
        close(storage)
        while Housekeeper(storage).round(utcnow()):
            pass
        (name,) = storage.objects.list("volumes/")
        for number in range(9):
            storage.deletions.instance(uid(str(number)))
            del contents[uid(str(number))]
        close(storage)
    is_short = {"free_disk_mark_bytes": 1 << 60, "volume_cache_bytes": 0}
    with with_settings(storage_settings, **changes | is_short) as short:
        Housekeeper(short).round(utcnow())
        assert not (short.volumes.folder / name.removeprefix("volumes/")).exists()
        check(short, contents)
    with with_settings(storage_settings, volume_grace_s=0.0, **changes) as storage:
        for _ in range(3):
            Housekeeper(storage).round(utcnow())
            storage.volumes.close()
        assert not storage.objects.exists(name)
        check(storage, contents)


def test_while_the_bucket_lags_nothing_more_is_taken_until_it_catches_up(
    storage_settings: Settings,
) -> None:
    with with_settings(storage_settings, spool_max_bytes=3 * SIZE) as storage:
        fill(storage, 2)
        check_backlog(storage.engine, 3 * SIZE)
        fill(storage, 4)
        with pytest.raises(StorageFull, match="wait for the bucket"):
            check_backlog(storage.engine, 3 * SIZE)
        if storage.settings.object_store != "s3":
            return
        storage.volumes._since_check_bytes = 1 << 30
        with pytest.raises(StorageFull):
            storage.ingest.accept(instance(9), "stow")
        Housekeeper(storage).round(utcnow())
        assert storage.ingest.accept(instance(9), "stow").outcome == "stored"


@with_a_bucket
def test_a_bucket_that_is_away_is_told_once_and_settling_resumes(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = fill(storage, 3)
    keeper = Housekeeper(storage)
    put = storage.objects.put

    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    storage.objects.put = away  # type: ignore[method-assign, assignment]
    assert not keeper.round(utcnow())
    assert not keeper.round(utcnow())
    assert is_behind(storage.engine)
    storage.objects.put = put  # type: ignore[method-assign]
    keeper.round(utcnow())
    assert not is_behind(storage.engine)
    output = capsys.readouterr().out
    assert output.count("housekeeping_failed") == 1
    assert output.count("housekeeping_recovered") == 1
    check(storage, contents)
