"""A folder of volumes whose disk goes away while the node runs, and comes back."""

import os
from pathlib import Path

import pytest

from storage.volumes.deletion_counter import Generation
from storage.volumes.known_folder import KnownFolder
from storage.volumes.open_volume import OpenVolume


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
