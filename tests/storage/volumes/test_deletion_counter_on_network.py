"""The counter of deletions where several hosts have the folder of the volumes."""

import os
from pathlib import Path

import pytest

from storage.core.data_folder.network_file_systems import is_on_network
from storage.volumes.deletion_counter import Generation

MOUNTS = "storage.core.data_folder.network_file_systems._MOUNTS"


def mounts(folder: Path, *mounted: tuple[str, str]) -> Path:
    """As proc(5) has them; with a root on a disk of its own."""
    lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
    for number, (path, kind) in enumerate(mounted):
        escaped = path.replace("\\", r"\134").replace(" ", r"\040")
        lines.append(f"{30 + number} 22 0:{50 + number} / {escaped} rw - {kind} server:/x rw")
    written = folder / "mountinfo"
    written.write_text("\n".join([*lines, ""]))
    return written


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [("nfs4", True), ("ceph", True), ("fuse.glusterfs", True), ("ext4", False), ("overlay", False)],
)
def test_file_systems_of_several_hosts_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_network: bool
) -> None:
    (tmp_path / "a disk" / "local").mkdir(parents=True)
    on_disk = tmp_path / "a disk" / "local" / "volumes"
    disk, local = str(tmp_path / "a disk"), str(tmp_path / "a disk" / "local")
    written = mounts(tmp_path, (disk, "xfs"), (disk, kind), (f"{disk}s", "nfs"), (local, "xfs"))
    monkeypatch.setattr(MOUNTS, written)
    assert is_on_network(tmp_path / "a disk" / "volumes") == is_network
    assert not is_on_network(on_disk)
    assert not is_on_network(tmp_path)
    monkeypatch.setattr(MOUNTS, tmp_path / "not Linux")
    assert not is_on_network(tmp_path / "a disk" / "volumes")


@pytest.mark.parametrize("kind", ["nfs4", "ext4"])
def test_what_another_host_has_counted_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / "volumes"
    monkeypatch.setattr(MOUNTS, mounts(tmp_path, (str(tmp_path), kind)))
    if kind == "nfs4":
        # A mapped page goes on showing what it had.
        monkeypatch.setattr(
            "storage.volumes.deletion_counter.mmap.mmap",
            lambda fd, length, prot: os.pread(fd, length, 0),
        )
    here, there = Generation(folder), Generation(folder)
    assert (here.current(), there.current()) == (0, 0)
    for number in (1, 2):
        assert there.advance() == number
        assert here.current() == number
    path = folder / "deletions"
    path.write_bytes(path.read_bytes()[:16] + bytes(16))
    assert (here.current(), there.current()) == (2, 2)
    for counter in (here, there):
        counter.close()


def test_a_file_that_is_lost_while_it_is_used_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "volumes"
    monkeypatch.setattr(MOUNTS, mounts(tmp_path, (str(tmp_path), "nfs4")))
    here, there = Generation(folder), Generation(folder)
    assert (here.current(), there.advance()) == (0, 1)
    for lost in (here.current, here.advance):
        (folder / "a.mvv").write_bytes(b"")
        (folder / "deletions").unlink()
        number = lost()
        assert number > 1
        assert there.current() == number
    # Unmounted: nothing is begun at what lies under it.
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        here.current()
    assert not folder.exists()
