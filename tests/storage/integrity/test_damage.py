"""A flipped bit, a cut or lost volume: refused, noted, and repaired where another copy is right."""

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged
from storage.db.engine import writing
from storage.dicom.file_meta import read_file_meta
from storage.integrity.scrub import scrub_state
from storage.maintenance.housekeeping import Housekeeper
from storage.reconciliation.reconcile import reconcile
from storage.settings import load_settings
from tests.patience import PATIENCE_S
from tests.storage.deletion.test_deleting import close, lose_index, uid
from tests.storage.instances import part10
from tests.storage.integrity.damaged import filled, one, repaired, scrub_of
from tests.storage.maintenance.checked_storage import flip, problems_of


@pytest.mark.parametrize(
    ("position", "what"), [(-1, "pixels"), (200, "the file meta"), (130, "the prefix")]
)
def test_no_flipped_bit_is_given_to_anybody(storage: Storage, position: int, what: str) -> None:
    filled(storage)
    flip(storage, "1", position % one(storage).size_bytes)
    for read in (
        lambda: storage.instances.read(one(storage)),
        lambda: storage.instances.open(one(storage)),
        lambda: storage.instances.dataset(one(storage)),
        lambda: storage.instances.checked(one(storage)),
        lambda: storage.instances.prepare([one(storage, "0"), one(storage)]),
    ):
        with pytest.raises(InstanceDamaged, match=f"{uid('1')} is damaged") as refusal:
            read()
        assert "sent to this node again" in refusal.value.remedy
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage), 0, 100)
    assert storage.instances.read(one(storage, "2")) == part10(instance="2")
    (noted,) = storage.damaged.newest()
    assert (noted.sop_instance_uid, noted.kind, noted.has_copy) == (uid("1"), "damaged", False)


def test_a_lost_and_a_cut_volume_are_called_lost(storage: Storage) -> None:
    filled(storage)
    path = storage.volumes.folder / one(storage).location.volume
    content = path.read_bytes()
    path.write_bytes(content[: one(storage, "3").location.offset + 10])
    with pytest.raises(InstanceDamaged, match="is lost"):
        storage.instances.read(one(storage, "3"))
    path.unlink()
    with open_storage(storage.settings) as again, pytest.raises(InstanceDamaged, match="is lost"):
        again.instances.prepare([one(storage, "0"), one(storage, "1")])
    assert storage.damaged.count(lost_only=True) == 2
    path.write_bytes(content)
    with open_storage(storage.settings) as again:
        for name in "03":
            assert again.instances.read(one(storage, name)) == part10(instance=name)
        assert repaired(again) >= 0
        assert again.damaged.count() == 0, "the disk is back"


def test_what_arrives_again_repairs_it(storage: Storage) -> None:
    filled(storage)
    flip(storage, "1", one(storage).size_bytes - 1)
    flip(storage, "2", one(storage, "2").size_bytes - 1)
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage))
    assert storage.ingest.accept(part10(instance="1"), "stow").outcome == "duplicate"
    assert storage.instances.read(one(storage)) == part10(instance="1")
    assert storage.damaged.count() == 0
    close(storage)
    lose_index(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 3, "all but the other damaged one"
    assert storage.instances.read(one(storage)) == part10(instance="1")


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_arrives_again_is_stored_although_nobody_noticed_the_loss(
    storage: Storage, is_cut: bool
) -> None:
    filled(storage)
    volume = storage.volumes.folder / one(storage).location.volume
    if is_cut:
        os.truncate(volume, one(storage, "0").location.offset + 1)
    else:
        volume.unlink()
    for name in "0123":
        assert storage.ingest.accept(part10(instance=name), "stow").outcome == "duplicate"
    for name in "0123":
        assert storage.instances.read(one(storage, name)) == part10(instance=name)
    before = one(storage).location
    storage.ingest.accept(part10(instance="1"), "stow")
    assert one(storage).location == before, "once is enough"


@pytest.mark.parametrize("harm", ["a bit of the pixels", "a hole"])
def test_what_arrives_again_is_compared_although_nobody_noticed_the_damage(
    storage: Storage, harm: str
) -> None:
    filled(storage)
    volume = storage.volumes.folder / one(storage).location.volume
    size_bytes = volume.stat().st_size
    if harm == "a hole":
        os.truncate(volume, one(storage, "1").location.offset + 200)
        os.truncate(volume, size_bytes)
    else:
        for name in "123":
            flip(storage, name, one(storage, name).size_bytes - 1)
    for name in "0123":
        before = one(storage, name).location
        assert storage.ingest.accept(part10(instance=name), "stow").outcome == "duplicate"
        assert (one(storage, name).location == before) == (name == "0")
        assert storage.instances.read(one(storage, name)) == part10(instance=name)
    assert storage.damaged.count() == 0


def test_who_finds_one_damaged_instance_learns_of_the_others_in_its_volume(
    storage: Storage,
) -> None:
    filled(storage)
    close(storage)
    volume = storage.volumes.folder / one(storage).location.volume
    storage.ingest.accept(part10(instance="elsewhere"), "stow")
    content = volume.read_bytes()
    volume.write_bytes(content[: one(storage, "1").location.offset + 200])
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage, "2"))
    deadline = time.monotonic() + PATIENCE_S
    while (count := storage.damaged.count(lost_only=True)) < 3:
        assert time.monotonic() < deadline, count
        time.sleep(0.05)
    assert {noted.sop_instance_uid for noted in storage.damaged.newest()} == set(map(uid, "123"))


def test_what_arrives_again_at_another_process_repairs_it(storage: Storage) -> None:
    """That one has begun the series, and takes all of it that it has not stored itself for new."""
    with open_storage(storage.settings) as other:
        assert other.ingest.accept(part10(instance="0"), "stow").outcome == "stored"
        filled(storage)
        flip(storage, "1", one(storage).size_bytes - 1)
        with pytest.raises(InstanceDamaged):
            storage.instances.read(one(storage))
        assert other.ingest.accept(part10(instance="1"), "stow").outcome == "duplicate"
    assert storage.instances.read(one(storage)) == part10(instance="1")
    assert storage.damaged.count() == 0


def test_the_scrub_finds_what_nobody_reads_and_goes_on_where_it_was(storage: Storage) -> None:
    filled(storage, 6)
    flip(storage, "4", one(storage, "4").size_bytes - 1)
    size_bytes = one(storage).size_bytes
    begun = utcnow()
    scrub_of(storage).tick(begun)
    assert storage.damaged.count() == 0, "nothing is due yet"
    read = scrub_of(storage).tick(begun + timedelta(days=0.5))
    assert 3 * size_bytes <= read <= 4 * size_bytes
    assert storage.damaged.count() == 0
    assert scrub_of(storage).tick(begun + timedelta(days=0.5)) == 0
    assert scrub_of(storage).tick(begun - timedelta(days=3)) == 0, "a clock set back"
    for hours in (18, 24, 25):
        scrub_of(storage).tick(begun + timedelta(hours=hours))
    (noted,) = storage.damaged.newest()
    assert (noted.sop_instance_uid, noted.kind) == (uid("4"), "damaged")
    state = scrub_state(storage.engine)
    assert state is not None
    assert state.finished_at is not None
    assert timedelta(hours=24) <= state.finished_at - begun <= timedelta(hours=25)


def test_housekeeping_scrubs_and_repairs(storage: Storage) -> None:
    filled(storage)
    flip(storage, "1", one(storage).size_bytes - 1)
    keeper = Housekeeper(storage)
    for days in (0, 31, 62):
        keeper.round(utcnow() + timedelta(days=days))
    assert [noted.sop_instance_uid for noted in storage.damaged.newest()] == [uid("1")]
    storage.ingest.accept(part10(instance="1"), "stow")
    keeper.round(utcnow() + timedelta(days=63))
    assert storage.damaged.newest() == []


def test_a_record_that_cannot_be_found_again_is_written_again(storage: Storage) -> None:
    filled(storage)
    before = one(storage).location
    path = storage.volumes.folder / before.volume
    content = bytearray(path.read_bytes())
    header = content.rindex(b"MVR1", 0, before.offset)
    content[header] ^= 1
    path.write_bytes(content)
    assert storage.instances.read(one(storage)) == part10(instance="1"), "the bytes are right"
    assert repaired(storage) == 3, "with the two behind it"
    assert one(storage).location != before
    close(storage)
    lose_index(storage)
    reconcile(storage.engine, storage.volumes.folder)
    assert storage.instances.read(one(storage)) == part10(instance="1")


def test_what_lies_behind_a_damaged_header_is_written_again(storage: Storage) -> None:
    filled(storage)
    flip(storage, "1", 200)
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage))
    assert repaired(storage) == 2
    close(storage)
    lose_index(storage)
    assert reconcile(storage.engine, storage.volumes.folder) == 4, "the damaged one is known, too"
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage))
    for name in "023":
        assert storage.instances.read(one(storage, name)) == part10(instance=name)


def test_damage_of_what_was_deleted_is_forgotten(storage: Storage) -> None:
    filled(storage)
    flip(storage, "1", one(storage).size_bytes - 1)
    with pytest.raises(InstanceDamaged):
        storage.instances.read(one(storage))
    storage.deletions.instance(uid("1"))
    assert storage.damaged.count() == 0
    storage.ingest.accept(part10(instance="1"), "stow")
    assert storage.instances.read(one(storage)) == part10(instance="1")
    assert repaired(storage) == 0
    assert problems_of(storage) == {}


def test_an_old_digest_is_still_proof(tmp_path: Path, storage: Storage) -> None:
    filled(storage, 1)
    data = part10(instance="0")
    digest = hashlib.sha256(data[read_file_meta(data).dataset_offset :]).hexdigest()
    with writing(storage.engine) as connection:
        connection.execute(update(t.instance).values(digest=digest))
    assert storage.instances.read(one(storage, "0")) == data
    assert load_settings(data_dir=tmp_path).scrub_days == 30
