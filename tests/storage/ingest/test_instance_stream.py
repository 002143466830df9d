"""Instances that arrive in pieces: any cut gives the same, and large ones need no memory."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import (
    InvalidInstance,
    InvalidRequest,
    LimitExceeded,
    StorageUnavailable,
)
from storage.core.uids import derive_uid
from storage.ingest.service import Ingest
from storage.reconciliation.reconcile import reconcile
from storage.volumes.scan import volumes_in
from storage.volumes.writer import VolumeWriter
from tests.storage.instances import part10

LARGE_BYTES = 20 << 20


@pytest.fixture(scope="module")
def large() -> bytes:
    return part10(instance="large", Rows=2048, Columns=5120, PixelData=os.urandom(LARGE_BYTES))


def stored(storage: Storage, name: str) -> Instance:
    return storage.index.instance(derive_uid("test", "study", "series", name))


def write(storage: Storage, content: bytes, piece_bytes: int = 128 * 1024) -> str:
    stream = storage.ingest.open_stream("stow")
    for start in range(0, len(content), piece_bytes):
        stream.write(memoryview(content)[start : start + piece_bytes])
    return stream.finish().outcome


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
@given(st.lists(st.integers(1, 900), max_size=5))
def test_pieces_of_any_size_give_the_same_instance(storage: Storage, cuts: list[int]) -> None:
    content = part10(instance="pieces")
    stream = storage.ingest.open_stream("stow")
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    for start, end in itertools.pairwise(edges):
        stream.write(content[start:end])
    stream.finish()
    assert storage.instances.read(stored(storage, "pieces")) == content


def test_a_large_instance_streams_into_a_volume_of_its_own(storage: Storage, large: bytes) -> None:
    assert write(storage, large) == "stored"
    instance = stored(storage, "large")
    assert storage.instances.read(instance) == large
    assert write(storage, large) == "duplicate"
    assert storage.ingest.accept(large, "stow").outcome == "duplicate", "whole or in pieces"
    folder = storage.settings.data_dir / "volumes"
    assert len(volumes_in(folder)) == 1, "nothing of the duplicate stays"
    storage.ingest.accept(part10(), "stow")
    assert stored(storage, "instance").location.volume != instance.location.volume


def test_a_large_instance_that_is_cut_off_is_refused_and_leaves_no_file(
    storage: Storage, large: bytes
) -> None:
    with pytest.raises(InvalidInstance, match="cut off"):
        write(storage, large[:-10])
    stream = storage.ingest.open_stream("stow")
    stream.write(large[: 12 << 20])
    stream.discard()
    assert volumes_in(storage.settings.data_dir / "volumes") == []


def test_command_and_data_set_must_name_the_same_instance(storage: Storage) -> None:
    content = part10()
    stream = storage.ingest.open_dimse_stream(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        calling_ae_title="A",
    )
    stream.write(content[content.index(b"\x08\x00\x05\x00") :])
    with pytest.raises(InvalidRequest, match="different SOPInstanceUIDs"):
        stream.finish()


def test_a_large_instance_whose_volume_is_removed_meanwhile_is_refused(
    storage: Storage, large: bytes
) -> None:
    stream = storage.ingest.open_stream("stow")
    stream.write(large[:-10])
    (path,) = (storage.settings.data_dir / "volumes").glob("*.mvv")
    path.unlink()
    stream.write(large[-10:])
    with pytest.raises(StorageUnavailable, match="was removed"):
        stream.finish()
    assert write(storage, large) == "stored"


def test_more_than_the_limit_is_refused_before_it_is_all_there(
    storage: Storage, tmp_path: Path
) -> None:
    volumes = VolumeWriter(tmp_path, size_bytes=1 << 20, free_disk_mark_bytes=0)
    stream = Ingest(storage.engine, volumes, max_instance_bytes=10_000).open_stream("stow")
    stream.write(bytes(9_000))
    with pytest.raises(LimitExceeded, match="10000 bytes"):
        stream.write(bytes(2_000))


CONSTANT_MEMORY = """
import resource, sys
from pathlib import Path
from storage.container import open_storage
from storage.settings import load_settings
from tests.storage.instances import part10
head = part10(PixelData=b"")
head = head[:-4] + (500 << 20).to_bytes(4, "little")
with open_storage(load_settings(data_dir=Path(sys.argv[1]))) as storage:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = storage.ingest.open_stream("stow")
    stream.write(head)
    piece = bytes(range(256)) * 512
    for _ in range((500 << 20) // len(piece)):
        stream.write(piece)
    assert stream.finish().outcome == "stored"
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_half_a_gigabyte_passes_in_constant_memory(tmp_path: Path) -> None:
    from storage.settings import load_settings
    from tests.migrated import upgrade

    upgrade(load_settings(data_dir=tmp_path))
    grown_kib = subprocess.run(
        [sys.executable, "-c", CONSTANT_MEMORY, tmp_path],
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout
    assert int(grown_kib) < 60 * 1024


def test_what_a_crash_left_of_a_large_instance_goes_away(storage: Storage, large: bytes) -> None:
    folder = storage.settings.data_dir / "volumes"
    storage.ingest.accept(part10(), "stow")
    left = folder / "20260101T000000-dead.mvv"
    left.write_bytes(bytes(1000) + large[:1000])
    long_ago = time.time() - 3600
    os.utime(left, (long_ago, long_ago))
    assert reconcile(storage.engine, folder) == 0
    assert not left.exists()
    assert storage.index.instance(derive_uid("test", "study", "series", "instance"))
