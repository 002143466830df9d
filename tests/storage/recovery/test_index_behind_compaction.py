"""An index that is older than a compaction: what was acknowledged is read, what was deleted not."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.server.checks.health import check_volumes
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged
from storage.db.engine import writing
from storage.integrity.repository import DamagedInstances
from storage.maintenance.compaction import compact
from storage.maintenance.retired_volumes import remove_retired
from storage.maintenance.upgrade import upgrade
from storage.maintenance.verify import verify_storage
from storage.maintenance.verify_repair import move_rows
from storage.reconciliation.missing_volumes import find_missing, missing_volumes
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.settings import Settings, load_settings
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade as migrate
from tests.storage.deletion.test_deleting import uid
from tests.storage.instances import part10

PIXELS = bytes(60_000)
CONTENTS = {
    uid(str(number)): part10(instance=str(number), Rows=100, Columns=300, PixelData=PIXELS)
    for number in range(6)
}
CONFLICT = part10(instance="5", Rows=100, Columns=300, PixelData=PIXELS, PatientID="P2")
GONE = [uid(name) for name in "0123"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Four of six were deleted and all volumes rewritten, which the index knows nothing of."""
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    migrate(settings)
    with open_storage(settings) as storage:
        for content in CONTENTS.values():
            storage.ingest.accept(content, "stow")
        storage.ingest.accept(CONFLICT, "stow")
    # The volume is known as looked at.
    upgrade(settings)
    copy_index(settings, tmp_path / "copy")
    with open_storage(settings) as storage:
        for name in GONE:
            storage.deletions.instance(name)
        storage.volumes.close()
        compact(storage.engine, storage.volumes, 0.1, utcnow())
        assert remove_retired(storage.engine, storage.volumes.folder, 0, utcnow())
    put_back(settings, tmp_path / "copy")
    return settings


def copy_index(settings: Settings, copy: Path) -> None:
    with (
        closing(sqlite3.connect(settings.data_dir / "index.sqlite3")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def put_back(settings: Settings, copy: Path) -> None:
    for path in settings.data_dir.glob("index.sqlite3*"):
        path.unlink()
    shutil.copy(copy, settings.data_dir / "index.sqlite3")


@pytest.fixture
def opened(settings: Settings) -> Iterator[Storage]:
    with open_storage(settings) as storage:
        yield storage


def check(storage: Storage) -> None:
    found = {}
    for name in CONTENTS.keys() - set(GONE):
        found[name] = storage.instances.read(storage.index.instance(name))
    assert found == {name: CONTENTS[name] for name in found}
    (study,) = {one.study_instance_uid for one in map(storage.index.instance, found)}
    assert {one.sop_instance_uid for one in storage.index.instances_of(study)} == found.keys()
    (conflict,) = storage.conflicts.waiting()
    assert b"".join(storage.conflicts.pieces(conflict)) == CONFLICT
    assert DamagedInstances(storage.engine).count() == 0
    assert not problems(storage)


def problems(storage: Storage) -> set[str]:
    found = verify_storage(storage.engine, storage.index, storage.objects, storage.volumes)
    return {one.kind for one in found}


def test_a_start_finds_every_instance_again_and_brings_none_back(settings: Settings) -> None:
    assert upgrade(settings) > 0
    with open_storage(settings) as storage:
        check(storage)
    assert upgrade(settings) == 0
    assert diagnose(settings).findings == ()


def test_a_repair_does_so_and_tells_it(settings: Settings) -> None:
    found = diagnose(settings)
    assert "older than a compaction" in " ".join(one.what for one in found.findings)
    repair(settings, found, None)
    assert diagnose(settings).findings == ()
    with open_storage(settings) as storage:
        check(storage)


def noted_as_looked_at(storage: Storage) -> None:
    """As versions left it that took rows of known content for right."""
    for path in volumes_in(storage.volumes.folder):
        with writing(storage.engine) as connection:
            size = path.stat().st_size
            connection.execute(
                t.volume.insert().values(name=path.name, size_bytes=size, reconciled_at=utcnow())
            )


def test_verify_names_what_lies_elsewhere_and_moves_the_row(opened: Storage) -> None:
    noted_as_looked_at(opened)
    found = verify_storage(opened.engine, opened.index, opened.objects, opened.volumes)
    elsewhere = [one for one in found if one.kind == "record_moved"]
    assert {one.sop_instance_uid for one in elsewhere} == CONTENTS.keys() - set(GONE)
    assert move_rows(opened.engine, opened.volumes, elsewhere) >= 2
    for name in CONTENTS.keys() - set(GONE):
        assert opened.instances.read(opened.index.instance(name)) == CONTENTS[name]


def test_volumes_that_an_older_version_passed_over_are_looked_at_again(
    settings: Settings,
) -> None:
    with open_storage(settings) as storage:
        noted_as_looked_at(storage)
    assert upgrade(settings) >= 2
    with open_storage(settings) as storage:
        for name in CONTENTS.keys() - set(GONE):
            assert storage.instances.read(storage.index.instance(name)) == CONTENTS[name]


def test_what_no_volume_has_is_counted_at_the_start_and_forgotten_once_it_is_back(
    settings: Settings,
) -> None:
    upgrade(settings)
    kept = {}
    before = volumes_in(settings.data_dir / "volumes")
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(instance="6"), "stow")
    for path in before:
        kept[path] = path.read_bytes()
        path.unlink()
    upgrade(settings)
    with open_storage(settings) as storage:
        assert storage.damaged.count(lost_only=True) == 2
        with pytest.raises(InstanceDamaged):
            storage.instances.read(storage.index.instance(uid("5")))
    for path, content in kept.items():
        path.write_bytes(content)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.deletions.instance(uid("6"))
        check(storage)


def test_lost_volumes_are_counted_on_every_database(storage: Storage) -> None:
    for content in CONTENTS.values():
        storage.ingest.accept(content, "stow")
    storage.volumes.close()
    folder = storage.volumes.folder
    before = volumes_in(folder)
    storage.ingest.accept(part10(instance="6"), "stow")
    for path in before:
        path.unlink()
    reader = VolumeReader(folder)
    assert find_missing(storage.engine, folder, reader) == 0
    assert storage.damaged.count(lost_only=True) == len(CONTENTS)
    assert set(missing_volumes(storage.engine, folder, storage.hosts.is_elsewhere).values()) <= {0}


def test_a_disk_that_is_not_mounted_is_no_loss(storage: Storage) -> None:
    for content in CONTENTS.values():
        storage.ingest.accept(content, "stow")
    storage.volumes.close()
    folder = storage.volumes.folder
    assert check_volumes(storage.engine, folder, storage.hosts).ok
    mounted = folder.rename(folder.with_name("disk"))
    folder.mkdir()
    reader = VolumeReader(folder)
    assert find_missing(storage.engine, folder, reader) == 0
    assert storage.damaged.count(lost_only=True) == 0
    said = check_volumes(storage.engine, folder, storage.hosts)
    assert not said.ok
    assert "mount its disk" in said.detail
    shutil.rmtree(folder)
    mounted.rename(folder)
    assert check_volumes(storage.engine, folder, storage.hosts).ok
