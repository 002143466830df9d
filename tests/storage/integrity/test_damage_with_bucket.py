"""Damage where a bucket has copies: which of the two is right, and which repairs the other."""

from contextlib import closing
from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged
from storage.hosts.entities import Host
from storage.integrity.copies import state_in_bucket, state_in_volume
from storage.integrity.stored_bytes import StoredBytes
from storage.maintenance.housekeeping import Housekeeper
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.volume_cache import limit_cache
from storage.reconciliation.reconcile import reconcile
from storage.volumes.reader import VolumeReader
from tests.storage.deletion.test_deleting import close, lose_index, uid
from tests.storage.instances import part10
from tests.storage.integrity.damaged import WITH_BUCKET, all_of_it, filled, one, repaired
from tests.storage.maintenance.checked_storage import flip, problems_of


@WITH_BUCKET
def test_the_bucket_answers_for_a_damaged_volume_and_repairs_it(storage: Storage) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    flip(storage, "1", one(storage).size_bytes - 1)
    assert storage.instances.read(one(storage)) == part10(instance="1")
    assert storage.instances.open(one(storage)).read() == part10(instance="1")
    (prepared,) = storage.instances.prepare([one(storage)])
    assert not prepared.instance.location.volume, "to be read from the bucket"
    (noted,) = storage.damaged.newest()
    assert (noted.kind, noted.has_copy) == ("damaged", True)
    assert storage.damaged.count(lost_only=True) == 0
    assert repaired(storage) == 1
    with closing(VolumeReader(storage.volumes.folder)) as reader:
        assert state_in_volume(reader, one(storage)) == "whole"
    assert storage.damaged.count() == 0
    close(storage)
    lose_index(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.instances.read(one(storage)) == part10(instance="1")


@WITH_BUCKET
def test_parts_come_from_the_right_copy_once_the_other_is_known_to_be_wrong(
    storage: Storage,
) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    last = one(storage).size_bytes - 1
    flip(storage, "1", last)
    storage.instances.read(one(storage))
    for _ in range(2):
        assert storage.instances.read(one(storage), last) == part10(instance="1")[last:]
    assert repaired(storage) == 1
    assert storage.instances.read(one(storage), last) == part10(instance="1")[last:]


@WITH_BUCKET
def test_no_part_comes_of_an_object_that_was_exchanged_while_another_host_has_the_volume(
    storage: Storage,
) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert limit_cache(storage.engine, storage.volumes, 0)
    keys = [one(storage, name).location.object_key for name in "12"]
    storage.objects.put(keys[0], storage.objects.get(keys[1]))
    north = Host("1", "north", True, utcnow(), timedelta(0), 0.0)
    with closing(VolumeReader(storage.volumes.folder)) as volumes:
        here = StoredBytes(
            volumes, storage.objects, damaged=storage.damaged, holder=lambda _volume: north
        )
        with pytest.raises(InstanceDamaged):
            here.read(one(storage))
        (noted,) = storage.damaged.newest()
        assert noted.has_copy, "that host may repair it"
        for start in (0, 132):
            with pytest.raises(InstanceDamaged):
                here.read(one(storage), start, 100)
        assert len(here.read(one(storage, "2"), 132, 100)) == 100


@WITH_BUCKET
def test_a_damaged_object_is_replaced_from_the_volume(storage: Storage) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    key = one(storage).location.object_key
    content = bytearray(storage.objects.get(key))
    content[-1] ^= 4
    storage.objects.put(key, bytes(content))
    storage.objects.delete(one(storage, "2").location.object_key)
    all_of_it(storage)
    kinds = {noted.sop_instance_uid: noted.kind for noted in storage.damaged.newest()}
    assert kinds == {uid("1"): "object_damaged", uid("2"): "object_missing"}
    assert repaired(storage) == 2
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert {state_in_bucket(storage.objects, one(storage, name)) for name in "0123"} == {"whole"}


@WITH_BUCKET
def test_a_volume_that_the_cache_dropped_is_no_damage(storage: Storage) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert limit_cache(storage.engine, storage.volumes, 0)
    assert storage.instances.read(one(storage)) == part10(instance="1")
    all_of_it(storage)
    assert storage.damaged.count() == 0
    key = one(storage).location.object_key
    storage.objects.put(key, storage.objects.get(key)[:-2] + b"xx")
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage))


@WITH_BUCKET
def test_verify_promises_a_repair_only_where_the_bucket_has_the_bytes(storage: Storage) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    flip(storage, "1", one(storage).size_bytes - 1)
    assert "from the bucket" in problems_of(storage)["record_damaged"].remedy
    key = one(storage).location.object_key
    storage.objects.put(key, storage.objects.get(key)[:-2] + b"xx")
    assert "sent to this node again" in problems_of(storage)["record_damaged"].remedy


@WITH_BUCKET
def test_damaged_bytes_never_reach_the_bucket(storage: Storage) -> None:
    filled(storage)
    flip(storage, "1", one(storage).size_bytes - 1)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    assert upload_instances(storage.engine, storage.instances, storage.objects, 10) == 0
    assert len(list(storage.objects.list("dicom/"))) == 3


@WITH_BUCKET
def test_the_cache_keeps_the_only_right_copy(storage: Storage) -> None:
    filled(storage)
    upload_instances(storage.engine, storage.instances, storage.objects, 10)
    key = one(storage).location.object_key
    storage.objects.put(key, storage.objects.get(key)[:-2] + b"xx")
    all_of_it(storage)
    assert limit_cache(storage.engine, storage.volumes, 0) == []
    Housekeeper(storage).round(utcnow())
    assert state_in_bucket(storage.objects, one(storage)) == "whole"
    assert limit_cache(storage.engine, storage.volumes, 0) != []
    assert storage.instances.read(one(storage)) == part10(instance="1")
