"""Compaction on a disk that is nearly full makes room, and needs no more than there is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.core.clock import utcnow
from storage.maintenance.compaction import compact
from storage.maintenance.housekeeping import Housekeeper
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.migrated import upgrade
from tests.mounts import free_bytes, mounted
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10

MIB = 1 << 20
MARK_BYTES = 8 * MIB
VOLUMES = 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        yield disk


@pytest.fixture
def settings(small_disk: Path) -> Settings:
    """A node whose volumes fill the disk, more than half of each dead."""
    settings = Settings(
        data_dir=small_disk,
        volume_size_bytes=8 * MIB,
        free_disk_mark_bytes=MARK_BYTES,
        compact_dead_ratio=0.5,
    )
    upgrade(settings)
    for volume in range(VOLUMES):
        with open_storage(settings) as storage:
            for number in range(7):
                storage.ingest.accept(content(volume * 7 + number), "stow")
    with open_storage(settings) as storage:
        for volume in range(VOLUMES):
            for number in range(4):
                storage.deletions.instance(uid(str(volume * 7 + number)))
    return settings


def content(number: int) -> bytes:
    return part10(instance=str(number), PixelData=bytes([number]) * MIB)


@pytest.mark.slow
def test_a_disk_with_less_room_than_all_that_lives_is_emptied_volume_by_volume(
    settings: Settings, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(bytes(free_bytes(small_disk) - MARK_BYTES - 2 * MIB))
    living = [v * 7 + n for v in range(VOLUMES) for n in (4, 5, 6)]
    # All living bytes at once have no room above what the index needs.
    assert free_bytes(small_disk) < MARK_BYTES // 4 + len(living) * MIB
    with open_storage(settings) as storage:
        done = compact(storage.engine, storage.volumes, 0.5, utcnow())
        assert done.volumes == VOLUMES
        assert free_bytes(small_disk) > MARK_BYTES
        close(storage)
        for number in living:
            instance = storage.index.instance(uid(str(number)))
            assert storage.instances.read(instance) == content(number)


@pytest.mark.slow
def test_what_has_no_room_at_all_stays_until_there_is_some(
    settings: Settings, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free_bytes(small_disk) - 4 * MIB))
    with open_storage(settings) as storage:
        names = {path.name for path in volumes_in(storage.volumes.folder)}
        assert compact(storage.engine, storage.volumes, 0.5, utcnow()).volumes == 0
        assert {path.name for path in volumes_in(storage.volumes.folder)} >= names
        ballast.unlink()
        housekeeper = Housekeeper(storage)
        housekeeper.round(utcnow())
        assert free_bytes(small_disk) > MARK_BYTES + VOLUMES * MIB
