"""What the check of the storage names: damage, missing objects, lost volumes."""

from pathlib import Path

import pytest

from storage import tables as t
from storage.container import Storage
from storage.db.engine import writing
from storage.integrity.repair import Repair
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.verify import verify_storage
from storage.maintenance.verify_repair import copy_again, note_objects
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.checked_storage import fill, flip, problems_of

pytestmark = pytest.mark.slow_on_postgresql

ROOT = Path(__file__).parents[3]


def test_a_whole_storage_has_no_problems_open_or_closed(storage: Storage) -> None:
    fill(storage)
    storage.ingest.accept(part10(instance="1", PatientID="P2"), "stow")
    storage.deletions.instance(uid("0"))
    assert problems_of(storage) == {}
    close(storage)
    assert problems_of(storage) == {}
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert problems_of(storage) == {}


def test_damage_is_named_with_the_instance_and_the_remedy(storage: Storage) -> None:
    fill(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 3)
    close(storage)
    for name, remedy in (("1", "bucket"), ("3", "again")):
        size_bytes = storage.index.instance(uid(name)).size_bytes
        flip(storage, name, size_bytes - 1)
        problem = next(
            p
            for p in verify_storage(storage.engine, storage.index, storage.objects, storage.volumes)
            if p.sop_instance_uid == uid(name)
        )
        assert problem.kind == "record_damaged"
        assert remedy in problem.remedy


def test_what_lies_behind_a_damaged_header_is_still_looked_at(storage: Storage) -> None:
    fill(storage)
    close(storage)
    flip(storage, "1", 3)  # the file meta, which the header's checksum covers
    found = list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))
    by_uid = {problem.sop_instance_uid: problem for problem in found}
    assert by_uid.keys() == {"", uid("1"), uid("2"), uid("3")}
    assert "sent to this node again" in by_uid[uid("1")].remedy
    assert all("bytes are right" in by_uid[uid(n)].remedy for n in "23")
    path = storage.volumes.folder / storage.index.instance(uid("3")).location.volume
    path.write_bytes(path.read_bytes()[:-10])
    kinds = {
        problem.sop_instance_uid: problem.kind
        for problem in verify_storage(
            storage.engine, storage.index, storage.objects, storage.volumes
        )
    }
    assert kinds[uid("3")] == "record_missing"


def test_objects_that_are_missing_or_short_are_named_and_copied_again(storage: Storage) -> None:
    fill(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    keys = {n: storage.index.instance(uid(n)).location.object_key for n in "0123"}
    storage.objects.delete(keys["0"])
    storage.objects.put(keys["1"], b"short")
    found = list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))
    assert {(p.kind, p.sop_instance_uid) for p in found} == {
        ("object_missing", uid("0")), ("object_size", uid("1")),
    }  # fmt: skip
    assert all("--repair" in problem.remedy for problem in found)
    assert copy_again(storage.engine, storage.volumes, found) == 2
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert problems_of(storage) == {}


def test_objects_whose_bytes_are_wrong_are_named_where_they_are_read(storage: Storage) -> None:
    """A flipped bit has no size: the one instance lies in a volume as well, the other does not."""
    fill(storage, 2)
    close(storage)
    fill(storage, 3)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    close(storage)
    gone = storage.index.instance(uid("2")).location.volume
    (storage.volumes.folder / gone).unlink()
    for number in "02":
        instance = storage.index.instance(uid(number))
        wrong = bytearray(storage.objects.get(instance.location.object_key))
        wrong[-1] ^= 1
        storage.objects.put(instance.location.object_key, bytes(wrong))
    arguments = (storage.engine, storage.index, storage.objects, storage.volumes)
    assert list(verify_storage(*arguments)) == []
    found = list(verify_storage(*arguments, read_objects=True))
    remedies = {problem.sop_instance_uid: problem.remedy for problem in found}
    assert {problem.kind for problem in found} == {"object_damaged"}
    assert remedies.keys() == {uid("0"), uid("2")}
    assert "uploads them again" in remedies[uid("0")]
    assert "sent to this node again" in remedies[uid("2")]
    note_objects(storage.index, storage.damaged, storage.volumes, found)
    assert storage.damaged.count() == 2
    assert storage.damaged.known.is_lost(uid("2"))
    Repair(storage.engine, storage.volumes, storage.objects, storage.damaged).run()
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    found = list(verify_storage(*arguments, read_objects=True))
    assert [problem.sop_instance_uid for problem in found] == [uid("2")]


def test_a_lost_volume_and_an_orphan_are_named(storage: Storage) -> None:
    fill(storage, 2)
    close(storage)
    fill(storage, 3)
    close(storage)
    lost = storage.index.instance(uid("2")).location.volume
    (storage.volumes.folder / lost).unlink()
    with writing(storage.engine) as connection:
        connection.execute(t.instance.delete().where(t.instance.c.sop_instance_uid == uid("0")))
    found = {
        problem.kind: problem.sop_instance_uid
        for problem in verify_storage(
            storage.engine, storage.index, storage.objects, storage.volumes
        )
    }
    assert found == {"record_missing": uid("2"), "not_indexed": uid("0")}
