"""A restored node is the one that was backed up, whatever database and bucket it has."""

import contextlib
import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.backup.entities import BackupDamaged
from storage.backup.store import BackupStore
from storage.backup.taking import take_backup
from storage.backup.verification import verify_backup
from storage.container import Storage, open_storage
from storage.core.data_folder import disk_reserve, unfinished_restore
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.processes.stop_requests import StopRequests
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings
from tests.faults.scp_process import LONG
from tests.migrated import upgrade
from tests.services import free_port
from tests.storage.backup.contents import instances, rows
from tests.storage.backup.nodes import (
    PASSWORD,
    Make,
    assert_same,
    backed_up,
    filled,
    killed,
    restored,
    store_at,
)
from tests.storage.instances import part10

RESTORES = 100 if LONG else 3


@pytest.mark.parametrize(
    ("of", "into"),
    [
        ("sqlite", "postgresql+s3"),
        ("postgresql+s3", "sqlite"),
        *([("postgresql", "postgresql"), ("sqlite", "sqlite")] if LONG else []),
    ],
)
@pytest.mark.slow
def test_a_node_moves_to_another_database_and_bucket_and_back(
    of: str, into: str, make: Make, place: Path
) -> None:
    node, other = make(of, "node"), make(into, "other")
    filled(node)
    backed_up(node, place)
    restored(other, place)
    assert_same(node, other)
    with open_storage(node) as before, open_storage(other) as storage:
        storage.ingest.accept(part10(study="new", instance="new"), "stow")
        last = before.events.last_id()
        storage.events.announce("model", {})
        assert storage.events.last_id() > last, "a number was given twice"
        assert storage.accounts.check("ada", PASSWORD)


def test_a_restore_into_a_database_that_is_away_says_so(
    node: Settings, make: Make, place: Path
) -> None:
    backed_up(node, place)
    other = make("sqlite", "other").model_copy(
        update={"database_url": f"postgresql://somebody@127.0.0.1:{free_port()}/mediview"}
    )
    with pytest.raises(StorageUnavailable, match="database cannot be reached"):
        restored(other, place)


@pytest.mark.slow
def test_a_restore_replaces_nothing(node: Settings, make: Make, place: Path) -> None:
    backed_up(node, place)
    with pytest.raises(InvalidRequest, match="is not empty"):
        restored(node, place)
    database = make("postgresql", "other")
    upgrade(database)
    with open_storage(database) as storage:
        storage.ingest.accept(part10(), "stow")
    elsewhere = database.model_copy(update={"data_dir": database.data_dir.with_name("empty")})
    with pytest.raises(InvalidRequest, match=r"The database is not empty: there are rows in"):
        restored(elsewhere, place)
    assert list(elsewhere.data_dir.glob("*")) == []
    bucket = make("s3", "with-bucket")
    store_at(bucket, place)
    from storage.objects.s3 import S3Objects

    S3Objects(bucket).put("dicom/1/2/3.dcm", b"somebody's")
    with pytest.raises(InvalidRequest, match=r"The bucket .* is not empty"):
        restored(bucket, place)


def test_a_restore_that_was_cut_off_lets_no_node_start_and_goes_on(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backed_up(node, place)
    other = make("sqlite", "other")
    with monkeypatch.context() as patch:
        patch.setattr("storage.backup.restoring.upgrade_to", killed)
        with pytest.raises(KeyboardInterrupt):
            restored(other, place)
    with pytest.raises(StorageUnavailable, match=f"restore of the backup {name}"):
        open_storage(other).__enter__()
    with pytest.raises(StorageUnavailable, match="has not ended"):
        upgrade(other)
    assert unfinished_restore.restore_begun(other.data_dir) == name
    restored(other, place)
    assert_same(node, other)


def test_a_restore_ends_where_the_disk_takes_no_more(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync of the whole disk, sync(2), reports no error."""
    name = backed_up(node, place)
    other = make("sqlite", "other")
    refused: list[str] = []

    def refuse(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if other.data_dir in path.parents and path.parent.name == "volumes":
            refused.append(path.name)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageUnavailable, match="Input/output error"):
            restored(other, place)
    assert refused
    assert unfinished_restore.restore_begun(other.data_dir) == name
    restored(other, place)
    assert_same(node, other)


def test_a_restore_that_was_cut_off_with_its_first_step_begins_again(
    node: Settings, make: Make, place: Path
) -> None:
    backed_up(node, place)
    other = make("sqlite", "other")
    mark = other.data_dir / unfinished_restore.NAME
    other.data_dir.mkdir()
    mark.touch()
    (other.data_dir / "volumes").mkdir()
    with pytest.raises(InvalidRequest, match="has not ended") as refused:
        restored(other, place)
    assert refused.value.remedy == (
        f"Empty {other.data_dir} and the database, then run 'mediview restore' again."
    )
    (other.data_dir / "volumes").rmdir()
    restored(other, place)
    assert_same(node, other)


def test_a_role_that_starts_beside_a_restore_that_was_cut_off_names_it(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database has no schema yet, and `mediview migrate` would not help."""
    name = backed_up(node, place)
    other = make("sqlite", "other")
    with monkeypatch.context() as patch:
        patch.setattr("storage.backup.restoring._restore_file", killed)
        with pytest.raises(KeyboardInterrupt):
            restored(other, place)
    with pytest.raises(StorageUnavailable, match=f"restore of the backup {name}") as refused:
        wait_for_database(other, StopRequests())
    assert f"mediview restore --at {name}" in refused.value.remedy


def test_what_a_role_leaves_that_found_no_schema_is_in_the_way_of_no_restore(
    node: Settings, make: Make, place: Path
) -> None:
    backed_up(node, place)
    other = make("sqlite", "other")
    other.data_dir.mkdir()
    disk_reserve.refill(other.data_dir, 0)
    (other.data_dir / "volumes").mkdir()
    with pytest.raises(StorageUnavailable, match="schema none"):
        wait_for_database(other, StopRequests())
    assert (other.data_dir / "reserve").exists()
    restored(other, place)
    assert_same(node, other)


def test_a_restore_that_meets_a_damaged_part_names_a_way_that_can_be_gone(
    node: Settings, make: Make, place: Path
) -> None:
    earlier = backed_up(node, place)
    with open_storage(node) as storage:
        storage.objects.put("reports/late", random.randbytes(5000))
        newest = take_backup(storage, store_at(node, place)).name
    store = store_at(node, place)
    for piece in pieces_of(store, newest) - pieces_of(store, earlier):
        next((place / "pieces").rglob(piece)).write_bytes(b"damaged")
    other = make("sqlite", "other")
    with pytest.raises(BackupDamaged) as refused:
        restored(other, place)
    assert f"Empty {other.data_dir} and the database, and restore another" in refused.value.remedy

    shutil.rmtree(other.data_dir)
    restored(other, place, earlier)
    assert_same(node, other)


def pieces_of(store: BackupStore, name: str) -> set[str]:
    return {piece for file in store.files(store.manifest(name)) for piece in file.pieces}


def test_the_name_of_a_restore_that_is_not_ended_is_durable_before_anything_is_restored(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backed_up(node, place)
    other = make("sqlite", "other")
    synced: list[str] = []

    def noted(fd: int, sync: Callable[[int], None] = os.fsync) -> None:
        sync(fd)
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.name == unfinished_restore.NAME:
            assert path.read_text() == name
        if path == other.data_dir or other.data_dir in path.parents:
            synced.append(path.name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", noted)
        patch.setattr("storage.backup.restoring._restore_file", killed)
        with pytest.raises(KeyboardInterrupt):
            restored(other, place)
    mark = synced.index(unfinished_restore.NAME)
    assert other.data_dir.name in synced[mark:]


@pytest.mark.slow
def test_values_that_are_odd_are_the_same_on_the_other_engine(make: Make, place: Path) -> None:
    node, other = make("sqlite", "node"), make("postgresql", "other")
    upgrade(node)
    with open_storage(node) as storage, writing(storage.engine) as connection:
        connection.execute(
            text("INSERT INTO preference VALUES ('account', :s, :v, '2026-03-29 01:30:00.000001')"),
            [
                {"s": "null", "v": "null"},
                {"s": "deep", "v": '{"a": [1e300, -0.0, "\\u0000 and \\ud83e\\udec0"]}'},
                {"s": "Größe 10%_'\"\\", "v": "[]"},
            ],
        )
    backed_up(node, place)
    restored(other, place)
    with open_storage(node) as one, open_storage(other) as two:
        assert rows(one) == rows(two)


@pytest.mark.slow
def test_random_nodes_are_restored_again_and_again(make: Make, tmp_path: Path) -> None:
    """Each round: something arrives, goes or changes; a backup; a restore of any backup so far.

    MEDIVIEW_LONG_TESTS=1 does it a hundred times, to both engines.
    """
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # pytest shows it when the test fails
    random_ = random.Random(seed)
    node, place = make("sqlite", "node"), tmp_path / "backups"
    upgrade(node)
    states: dict[str, tuple[object, object]] = {}
    for number in range(RESTORES):
        with open_storage(node) as storage:
            _change(storage, random_, number)
            name = take_backup(storage, store_at(node, place)).name
            states[name] = instances(storage), rows(storage)
        chosen = random_.choice(list(states))
        into = "postgresql" if LONG and number % 10 == 0 else "sqlite"
        other = make(into, f"other-{number}")
        restored(other, place, chosen)
        with open_storage(other) as storage:
            assert (instances(storage), rows(storage)) == states[chosen], (number, chosen)
    store = store_at(node, place)
    for name in store.whole():
        assert list(verify_backup(store, store.manifest(name))) == []


def _change(storage: Storage, random_: random.Random, number: int) -> None:
    for one in range(random_.randint(0, 5)):
        study = str(random_.randrange(8))
        pixels = random_.randbytes(random_.choice((12, 3000, 200_000)))
        content = part10(study=study, instance=f"{number}-{one}", PixelData=pixels)
        storage.ingest.accept(content, "stow")
    if random_.random() < 0.3:
        uid = derive_uid("test", str(random_.randrange(8)))
        with contextlib.suppress(NotFound):
            storage.deletions.study(uid)
    storage.objects.put(f"reports/{random_.randrange(4)}", random_.randbytes(5000))
    storage.events.announce("study", {"number": number}, derive_uid("test", "0"))
