"""Volumes under load, under kill -9 and on a full disk."""

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.core.errors import StorageFull, StorageUnavailable
from storage.dicom.digests import digest_of
from storage.volumes.known_folder import KnownFolder
from storage.volumes.open_volume import OpenVolume
from storage.volumes.reader import VolumeReader
from storage.volumes.records import Appended
from storage.volumes.scan import is_being_written, scan, torn_bytes, verify, volumes_in
from storage.volumes.write_buffer import CAPACITY_BYTES, WriteBuffer
from storage.volumes.writer import VolumeWriter
from tests.mounts import mounted
from tests.ready_processes import ReadyPopen


def writer(folder: Path, size_bytes: int = 1 << 20, mark_bytes: int = 0) -> VolumeWriter:
    return VolumeWriter(folder, size_bytes=size_bytes, free_disk_mark_bytes=mark_bytes)


def append(volumes: VolumeWriter, content: bytes, dataset_offset: int = 0) -> Appended:
    digest = digest_of(content[dataset_offset:])
    return volumes.append(
        content, dataset_offset=dataset_offset, digest=digest, source="test", origin="received"
    )


def test_many_threads_and_several_volumes(tmp_path: Path) -> None:
    volumes, reader = writer(tmp_path), VolumeReader(tmp_path, max_open=2)
    contents = [os.urandom(10_000 + n) for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        appended = list(pool.map(lambda content: append(volumes, content), contents))
    assert len(volumes_in(tmp_path)) >= 4
    for content, one in zip(contents, appended, strict=True):
        assert reader.read(one.location, 0, len(content)) == content
        assert reader.read(one.location, 7, 9) == content[7:16]
    volumes.close()
    reader.close()
    records = [record for path in volumes_in(tmp_path) for record in scan(path)]
    assert {record.location for record in records} == {one.location for one in appended}


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(0, 3000))
def test_a_volume_cut_anywhere_gives_the_whole_records_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("volume")
    volumes = writer(folder)
    appended = [append(volumes, content, len(content) // 2) for content in contents]
    volumes.close()
    for path in volumes_in(folder):
        os.truncate(path, min(cut, path.stat().st_size))
        whole = [
            one.location for one in appended if one.location.offset + one.location.length <= cut
        ]
        records = list(scan(path))
        assert [record.location for record in records] == whole
        assert all(verify(path, record) for record in records)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    volumes = writer(tmp_path)
    one = append(volumes, b"m" * 50 + b"d" * 50, dataset_offset=50)
    volumes.close()
    (path,) = volumes_in(tmp_path)
    whole = path.read_bytes()
    for position in range(one.location.offset + 50):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert list(scan(path)) == [], position
    damaged = bytearray(whole)
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    (record,) = scan(path)
    assert not verify(path, record)


WRITE_FOR_EVER = """
import sys, os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from storage.dicom.digests import digest_of
from storage.volumes.writer import VolumeWriter
volumes = VolumeWriter(Path(sys.argv[1]), size_bytes=1 << 20, free_disk_mark_bytes=0)
def go(_):
    while True:
        content = os.urandom(20_000)
        digest = digest_of(content)
        volumes.append(
            content, dataset_offset=0, digest=digest, source="t", origin="received"
        )
        os.write(1, digest.hex().encode() + b"\\n")
with ThreadPoolExecutor(4) as pool:
    list(pool.map(go, range(4)))
"""


@pytest.mark.fault
def test_what_was_acknowledged_is_there_after_kill_9_at_any_moment(tmp_path: Path) -> None:
    for round_number in range(8):
        folder = tmp_path / str(round_number)
        process = ReadyPopen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(folder)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(12)]
        time.sleep(0.037 * round_number)
        if round_number == 0:
            assert any(is_being_written(path) for path in volumes_in(folder))
        process.send_signal(signal.SIGKILL)
        acknowledged = set((b"".join(first) + process.communicate()[0]).decode().split())
        records = [(path, record) for path in volumes_in(folder) for record in scan(path)]
        assert not any(is_being_written(path) for path in volumes_in(folder))
        assert all(verify(path, record) for path, record in records)
        kept = {record.digest for _, record in records}
        assert len(acknowledged) > 10
        assert {line for line in acknowledged if len(line) == 64} <= kept


def test_below_the_free_disk_mark_it_refuses_and_recovers_by_itself(tmp_path: Path) -> None:
    volumes = writer(tmp_path, mark_bytes=1 << 60)
    with pytest.raises(StorageFull, match="mark"):
        append(volumes, b"x")
    assert volumes_in(tmp_path) == []


@pytest.mark.fault
def test_a_full_disk_refuses_and_takes_on_when_there_is_room(tmp_path: Path) -> None:
    with mounted(tmp_path, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        volumes = writer(tmp_path, size_bytes=64 << 20)
        (tmp_path / "other").write_bytes(bytes(500_000))
        kept: list[Appended] = []

        def fill() -> None:
            while True:
                kept.append(append(volumes, os.urandom(100_000)))

        with pytest.raises(StorageFull):
            fill()
        assert 10 < len(kept) < 20
        (tmp_path / "other").unlink()
        kept.append(append(volumes, os.urandom(100_000)))
        volumes.close()
        (path,) = volumes_in(tmp_path)
        assert [record.location for record in scan(path)] == [one.location for one in kept]


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable, match="data folder"):
        append(writer(tmp_path / "file"), b"x")


def test_after_a_failed_sync_no_record_of_that_volume_is_ever_called_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel reports a lost page once; a second fdatasync would succeed without it."""
    volumes = writer(tmp_path)
    append(volumes, b"before")
    sync, failures = os.fdatasync, iter([OSError(errno.EIO, os.strerror(errno.EIO))])

    def fail_once(fd: int) -> None:
        for failure in failures:
            raise failure
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", fail_once)
    waiting = volumes._open
    assert waiting is not None
    with pytest.raises(StorageUnavailable, match="data folder"):
        append(volumes, b"lost")
    with pytest.raises(OSError, match="error"):
        waiting.append((), 0)
    after = append(volumes, b"after")
    assert after.location.volume != waiting.name
    assert not is_being_written(tmp_path / waiting.name)


def test_a_volume_that_cannot_be_closed_well_vouches_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = OpenVolume.create(KnownFolder(tmp_path))
    staging = WriteBuffer()
    staging.take(b"record")
    volume.append((staging.blocks(),), staging.length)

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OSError, match="error"):
        volume.retire()
    monkeypatch.undo()
    with pytest.raises(OSError, match="error"):
        volume.append((staging.blocks(),), staging.length)
    assert volume.is_broken


def test_a_record_that_a_batch_has_no_room_for(tmp_path: Path) -> None:
    volumes, reader = writer(tmp_path, size_bytes=64 << 20), VolumeReader(tmp_path)
    contents = [os.urandom(size) for size in (5000, CAPACITY_BYTES + 4097, 3 * 4096, 7)]
    appended = [append(volumes, content, len(content) // 5000) for content in contents]
    volumes.close()
    for content, one in zip(contents, appended, strict=True):
        assert reader.read(one.location, 0, len(content)) == content
    reader.close()
    (path,) = volumes_in(tmp_path)
    records = list(scan(path))
    assert [record.location for record in records] == [one.location for one in appended]
    assert all(verify(path, record) for record in records)
    last = records[-1].location
    assert path.stat().st_size == last.offset + last.length, "no padding is left at the end"


def test_zeros_up_to_the_next_block_are_no_torn_tail(tmp_path: Path) -> None:
    volumes = writer(tmp_path)
    one = append(volumes, b"x" * 5000).location
    (path,) = volumes_in(tmp_path)
    # As kill -9 leaves it.
    end = one.offset + one.length
    assert path.stat().st_size == 8192
    assert torn_bytes(path, end) == 0
    with path.open("ab") as file:
        file.write(b"MVR1 and no more")
    assert torn_bytes(path, end) == 8192 + 16 - end
    volumes.close()


def test_one_record_that_fails_on_the_way_leaves_those_after_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = writer(tmp_path)
    kept = [append(volumes, b"before" * 1000)]
    write, failures = os.pwrite, iter([OSError(errno.EIO, os.strerror(errno.EIO))])

    def fail_once(fd: int, data: memoryview, position: int) -> int:
        for failure in failures:
            write(fd, data[:4096], position)
            raise failure
        return write(fd, data, position)

    monkeypatch.setattr(os, "pwrite", fail_once)
    with pytest.raises(StorageUnavailable, match="data folder"):
        append(volumes, b"lost" * 2000)
    kept.append(append(volumes, b"after" * 1000))
    volumes.close()
    (path,) = volumes_in(tmp_path)
    assert [record.location for record in scan(path)] == [one.location for one in kept]
