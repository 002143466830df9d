"""The volume that a receiver writes to is removed or cut off by a hand, and instances go on coming.

What was answered with success is there after kill -9, also in an index that is rebuilt.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from blake3 import blake3

from storage.dicom.file_meta import read_file_meta
from storage.volumes.scan import volumes_in
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import ScpProcess, running_scp

pytestmark = [pytest.mark.fault, pytest.mark.timeout(400)]

OUT_OF_RESOURCES = 0xA700


def store(peer: RawPeer, instances: Iterable[Sent]) -> list[int]:
    return [peer.store(one.sop_instance_uid, one.data_set) for one in instances]


def assert_there(node: ScpProcess, instances: Iterable[Sent]) -> None:
    with node.storage() as storage:
        for one in instances:
            stored = storage.index.instance(one.sop_instance_uid)
            part10 = storage.instances.read(stored)
            assert blake3(part10[read_file_meta(part10).dataset_offset :]).hexdigest() == one.digest


def restart(node: ScpProcess, *, without_index: bool) -> None:
    node.kill()
    if without_index:
        for path in node.settings.data_dir.glob("index.sqlite3*"):
            path.unlink()
    node.migrate()


def test_what_comes_while_the_open_volume_is_removed_is_kept(tmp_path: Path) -> None:
    batch = Batch(5)
    before, again, after, gone, late = (
        [batch.make() for _ in range(count)] for count in (3, 2, 3, 1, 2)
    )
    with running_scp(tmp_path) as node:
        volumes, aside = node.settings.data_dir / "volumes", tmp_path / "aside"
        with RawPeer(node.port) as peer:
            peer.associate()
            assert store(peer, before + again) == [0] * 5
            for path in volumes_in(volumes):
                path.unlink()
            assert store(peer, after + again) == [0] * 5
            assert len(volumes_in(volumes)) == 1
            # As where its disk is no longer mounted.
            volumes.rename(aside)
            assert store(peer, gone * 2) == [OUT_OF_RESOURCES] * 2
            assert not volumes.exists(), "nothing is written beside the disk"
            volumes.mkdir()
            assert store(peer, gone) == [OUT_OF_RESOURCES]
            volumes.rmdir()
            aside.rename(volumes)
            assert store(peer, late) == [0] * 2
            peer.release()
        log = node.log_text()
        assert "open_volume_put_back" in log
        assert "it is not the folder that was there before" in log
        kept = before + again + after + late
        restart(node, without_index=False)
        assert_there(node, kept)
        restart(node, without_index=True)
        assert_there(node, kept)


def test_nothing_is_acknowledged_behind_a_hole(tmp_path: Path) -> None:
    batch = Batch(6)
    before, refused, after = ([batch.make() for _ in range(count)] for count in (4, 1, 3))
    with running_scp(tmp_path) as node:
        with RawPeer(node.port) as peer:
            peer.associate()
            assert store(peer, before) == [0] * 4
            (path,) = volumes_in(node.settings.data_dir / "volumes")
            os.truncate(path, 6000)
            assert store(peer, refused) == [OUT_OF_RESOURCES]
            assert store(peer, refused + after) == [0] * 4
            assert path.stat().st_size == 6000
            # Nobody has read what was cut off, and it is stored again all the same.
            assert store(peer, before) == [0] * 4
            peer.release()
        assert "open_volume_cut_off" in node.log_text()
        kept = before + refused + after
        assert_there(node, kept)
        restart(node, without_index=True)
        assert_there(node, kept)
