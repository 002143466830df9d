"""A folder of volumes whose disk goes away while the node runs, and comes back."""

import os
from pathlib import Path

import pytest

from storage.container import Storage
from storage.core.errors import StorageUnavailable
from storage.ingest.instance_stream import SPILL_BYTES
from storage.reconciliation.reconcile import reconcile
from storage.volumes import large_instance, open_volume
from storage.volumes.deletion_counter import Generation
from storage.volumes.known_folder import KnownFolder
from storage.volumes.open_volume import OpenVolume
from storage.volumes.scan import scan, volumes_in
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10


def test_a_folder_that_another_process_made_anew_is_not_taken_for_the_one_before(
    tmp_path: Path,
) -> None:
    path, disk = tmp_path / "volumes", tmp_path / "disk"
    folder = KnownFolder(path)
    volume = OpenVolume.create(folder)
    path.rename(disk)
    with pytest.raises(OSError, match="not the folder that was there before"):
        folder.check()
    # A role that starts now has never seen the other.
    assert Generation(path).current() >= 0
    with pytest.raises(OSError, match="not the folder that was there before"):
        OpenVolume.create(folder)
    assert [one.name for one in path.iterdir()] == ["deletions"]
    (path / "deletions").unlink()
    path.rmdir()
    # The same disk, mounted again, has another number.
    path.mkdir()
    os.link(disk / volume.name, path / volume.name)
    folder.check()
    volume.retire()


@pytest.mark.parametrize("is_large", [False, True])
def test_nothing_is_written_where_the_disk_goes_between_the_look_and_the_new_volume(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, *, is_large: bool
) -> None:
    """An empty folder is what is left of a disk that was mounted there."""
    volumes, disk = storage.volumes.folder, storage.volumes.folder.with_name("disk")
    storage.ingest.accept(part10(instance="1"), "stow")
    close(storage)
    module = large_instance if is_large else open_volume
    create = module.create_volume_file

    def create_without_disk(folder: Path) -> tuple[Path, int]:
        volumes.rename(disk)
        volumes.mkdir()
        return create(folder)

    monkeypatch.setattr(module, "create_volume_file", create_without_disk)
    content = part10(instance="2", PixelData=bytes(2 * SPILL_BYTES if is_large else 4))

    def accept() -> str:
        stream = storage.ingest.open_stream("stow")
        stream.write(memoryview(content))
        return stream.finish().outcome

    with pytest.raises(StorageUnavailable, match="not the folder that was there before"):
        accept()
    assert list(volumes.iterdir()) == []
    monkeypatch.undo()
    volumes.rmdir()
    with pytest.raises(StorageUnavailable):
        accept()
    assert not volumes.exists(), "a folder was made beside the disk"
    disk.rename(volumes)
    assert accept() == "stored"


def test_what_a_killed_process_had_copied_of_a_removed_volume_is_taken_back(
    storage: Storage,
) -> None:
    storage.ingest.accept(part10(instance="1"), "stow")
    storage.ingest.accept(part10(instance="2"), "stow")
    close(storage)
    volumes = storage.volumes.folder
    (volume,) = volumes_in(volumes)
    volume.rename(volume.with_suffix(".returning"))
    reconcile(storage.engine, volumes)
    assert volumes_in(volumes) == [volume]
    # Killed between the new name and the end of the old one.
    os.link(volume, volume.with_suffix(".returning"))
    reconcile(storage.engine, volumes)
    for name in "12":
        instance = storage.index.instance(uid(name))
        assert storage.instances.read(instance) == part10(instance=name)
    # A file of another process has the name.
    volume.rename(volume.with_suffix(".returning"))
    storage.ingest.accept(part10(instance="3"), "stow")
    close(storage)
    (other,) = volumes_in(volumes)
    other.rename(volume)
    reconcile(storage.engine, volumes)
    assert len(volumes_in(volumes)) == 2
    assert not list(volumes.glob("*.returning"))
    found = {
        record.media_storage_sop_instance_uid for one in volumes_in(volumes) for record in scan(one)
    }
    assert found == {uid(name) for name in "123"}
