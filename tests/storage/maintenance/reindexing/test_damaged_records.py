"""A rebuilt index lacks nothing without saying so, and has nothing that was not stored."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import NO_ASSOCIATION
from storage.dicom.digests import digest_of
from storage.dicom.part10 import read_header
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.reindexing.rows import Rebuilt
from storage.maintenance.volume_rewriting import rewrite
from storage.volumes.mending import mended
from storage.volumes.reader import VolumeReader
from storage.volumes.records import HEADER, Note, encode_header
from storage.volumes.scan import hides_records, scan, volumes_in
from tests.servers import S3Server
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.checked_storage import fill
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

COUNT = 4


def encoded(content: bytes, source: str = "dimse:CT1") -> bytes:
    """The whole record of an instance."""
    begin = read_header(content).dataset_offset
    note = Note(source, "received", utcnow(), 0, "instance", False, NO_ASSOCIATION).encode()
    digest = digest_of(memoryview(content)[begin:])
    return encode_header(note, content[:begin], len(content), digest) + content


@given(st.binary(max_size=200), st.integers(0, 10**6), st.integers(0, 7))
def test_one_wrong_bit_is_put_right_wherever_it_is(pixels: bytes, place: int, bit: int) -> None:
    content = part10(PixelData=pixels + bytes(len(pixels) % 2))
    record = encoded(content)
    described = len(record) - len(content) + read_header(content).dataset_offset
    damaged = bytearray(record)
    damaged[place % described] ^= 1 << bit
    found = mended(bytes(damaged), len(damaged))
    assert found is not None
    assert b"".join(found) == record[:described]


@given(st.binary(max_size=400))
def test_nothing_is_made_of_what_is_no_record(found: bytes) -> None:
    assert mended(found, 10_000) is None


def record_begins(path: Path) -> list[int]:
    content = path.read_bytes()
    return [content.rindex(b"MVR1", 0, record.location.offset) for record in scan(path)]


def flip(path: Path, position: int, mask: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)


def rebuilt(storage: Storage, request: pytest.FixtureRequest) -> tuple[Rebuilt, set[str]]:
    settings = emptied(storage.settings, request)
    done = reindex(settings, "volumes")
    with open_storage(settings) as new:
        return done, {one.sop_instance_uid for one in new.index.instances_of(STUDY)}


@pytest.mark.parametrize("at", [0, 5, 9, 13, 20, 40, HEADER.size + 12, HEADER.size + 300])
def test_a_bit_in_a_header_hides_no_instance(
    storage: Storage, request: pytest.FixtureRequest, at: int
) -> None:
    fill(storage, COUNT)
    close(storage)
    (path,) = volumes_in(storage.volumes.folder)
    flip(path, record_begins(path)[1] + at)
    done, found = rebuilt(storage, request)
    assert found == {uid(str(one)) for one in range(COUNT)}
    assert (done.instances, done.refused) == (COUNT, 0)


def test_a_bit_in_padding_hides_no_instance(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    fill(storage, COUNT)
    close(storage)
    (path,) = volumes_in(storage.volumes.folder)
    ends = [one.location.offset + one.location.length for one in scan(path)]
    begins = record_begins(path)[1:]
    end = next(one for one, begin in zip(ends, begins, strict=False) if one < begin)
    flip(path, end)
    done, found = rebuilt(storage, request)
    assert found == {uid(str(one)) for one in range(COUNT)}
    assert (done.instances, done.refused) == (COUNT, 0)


def test_what_looks_like_thousands_of_records_is_looked_through_at_once(tmp_path: Path) -> None:
    path = tmp_path / "1.mvv"
    one = HEADER.pack(b"MVR1", 0, 60_000, 60_000, 70_000, bytes(32))
    path.write_bytes(b"x" + one * 70_000)
    began_s = time.thread_time()
    assert hides_records(path, 0)
    assert time.thread_time() - began_s < 1


def test_a_bit_in_the_header_of_a_deletion_brings_nothing_back(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    fill(storage, COUNT)
    storage.deletions.instance(uid("1"))
    close(storage)
    for path in volumes_in(storage.volumes.folder):
        for record, begin in zip(list(scan(path)), record_begins(path), strict=True):
            if record.note.kind == "tombstone":
                flip(path, begin + 9)
    done, found = rebuilt(storage, request)
    assert uid("1") not in found
    assert (done.deleted, done.refused) == (1, 0)


def test_a_volume_stays_while_a_damaged_header_hides_a_deletion(storage: Storage) -> None:
    fill(storage, COUNT)
    storage.deletions.instance(uid("1"))
    close(storage)
    with closing(VolumeReader(storage.volumes.folder)) as reader:
        for path in volumes_in(storage.volumes.folder):
            kinds = [record.note.kind for record in scan(path)]
            if "tombstone" in kinds:
                flip(path, record_begins(path)[kinds.index("tombstone")] + 9)
                assert rewrite(storage.engine, storage.volumes, path, reader, utcnow()) is None


def test_what_a_damaged_header_hides_is_counted_and_a_forged_record_is_not_taken(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    """Where more than a bit is wrong nothing says where the next record begins."""
    forged = encoded(part10(instance="forged", PatientID="EVIL"), "dimse:CT1")
    storage.ingest.accept(part10(instance="0"), "stow")
    storage.ingest.accept(part10(instance="1", PixelData=forged + bytes(len(forged) % 2)), "stow")
    storage.ingest.accept(part10(instance="2"), "stow")
    close(storage)
    (path,) = volumes_in(storage.volumes.folder)
    begin = record_begins(path)[1]
    for at in range(8, 24):
        flip(path, begin + at, 0xA5)
    done, found = rebuilt(storage, request)
    assert found == {uid("0")}
    assert done.refused == 1


BUCKET = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


def put_by_others(storage: Storage, server: S3Server, keys: Sequence[str], body: bytes) -> None:
    """Keys that the node's own store refuses to write."""
    client = server.client()
    for key in keys:
        client.put_object(Bucket=storage.settings.s3_bucket, Key=key, Body=body)
    client.close()


def a_folder(storage: Storage, server: S3Server) -> None:
    put_by_others(storage, server, ["volumes/", "dicom/", "deletions/", "conflicts/"], b"")


def an_odd_key(storage: Storage, server: S3Server) -> None:
    keys = ["volumes/read me", "dicom/../x", "dicom//y z", "deletions/9", "conflicts/x"]
    put_by_others(storage, server, keys, b"hm")


def an_empty_volume(storage: Storage, server: S3Server) -> None:
    del server
    storage.objects.put("volumes/0001.mvv", b"")


@BUCKET
@pytest.mark.parametrize("beside", [a_folder, an_odd_key, an_empty_volume])
def test_what_lies_beside_in_the_bucket_stops_nothing(
    storage: Storage,
    request: pytest.FixtureRequest,
    s3_server: S3Server,
    beside: Callable[[Storage, S3Server], None],
) -> None:
    fill(storage, COUNT)
    close(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    beside(storage, s3_server)
    done = reindex(emptied(storage.settings, request), "bucket", storage.objects)
    assert done.instances == COUNT
    assert bool(done.refused) is (beside is not a_folder)


@BUCKET
def test_a_truncated_volume_and_exchanged_objects_are_counted(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    fill(storage, COUNT)
    close(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    keys = list(storage.objects.list("dicom/"))
    storage.objects.put(keys[0], storage.objects.get(keys[1]))
    (path,) = volumes_in(storage.volumes.folder)
    begins = record_begins(path)
    storage.objects.put("volumes/9.mvv", path.read_bytes()[: begins[1] + 100])
    done = reindex(emptied(storage.settings, request), "bucket", storage.objects)
    assert (done.instances + done.duplicates, done.refused) == (COUNT, 2)


@BUCKET
def test_a_study_stays_that_of_the_patient_who_came_first(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for number in range(8):
        content = part10(instance=f"{number}", PatientID="P1", PatientName="First^Ada")
        storage.ingest.accept(content, "stow")
    close(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    for number in range(8):
        # Some of their keys stand before all of hers.
        content = part10(series=f"late{number}", instance="0", PatientID="P2", PatientName="Late^E")
        storage.ingest.accept(content, "stow")
    close(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    settings = emptied(storage.settings, request)
    reindex(settings, "bucket", storage.objects)
    with open_storage(settings) as new:
        assert new.index.study(STUDY).patient_id == "P1"
        assert random.choice(new.index.instances_of(STUDY)).location.object_key
