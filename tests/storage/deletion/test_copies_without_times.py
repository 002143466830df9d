"""A copy of a deletion that does not tell when the instance was received."""

from datetime import timedelta

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.deletion.service import bury
from storage.index.tombstones import Deleted, Tombstone
from storage.retention.legal_holds import LegalHold
from storage.volumes.records import Note
from tests.storage.deletion.test_deleting import SERIES, STUDY, uid
from tests.storage.instances import part10


def copied(deletion: Tombstone) -> Tombstone:
    """As the bucket has it of a version that did not keep the times of its instances."""
    unknown = Tombstone(
        deletion.study_instance_uid,
        deletion.deleted_at,
        deletion.generation,
        tuple(Deleted(one.sop_instance_uid, "", None) for one in deletion.instances),
    )
    note = Note("delete", "received", deletion.deleted_at, deletion.generation, "tombstone")
    assert Tombstone.decode(note, unknown.payload()) == unknown
    return unknown


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=10)])
def test_the_deleted_instance_goes_whatever_the_clock_of_who_received_it(
    storage: Storage, ahead: timedelta
) -> None:
    """By the copy where it was received before; else once a volume tells which one it was."""
    storage.ingest.accept(part10(instance="0"), "stow")
    received_at = storage.index.instance(uid("0")).received_at
    of_volume = Tombstone(STUDY, utcnow() - ahead, 7, (Deleted(uid("0"), SERIES, received_at),))

    assert bury(storage.engine, copied(of_volume)) == (0 if ahead else 1)
    assert bury(storage.engine, of_volume) == (1 if ahead else 0)
    with pytest.raises(NotFound):
        storage.index.instance(uid("0"))


def test_what_was_sent_again_stays_whichever_of_both_comes_first(storage: Storage) -> None:
    before = utcnow() - timedelta(hours=1)
    of_volume = Tombstone(
        STUDY, before, 7, (Deleted(uid("0"), SERIES, before - timedelta(hours=1)),)
    )
    storage.ingest.accept(part10(instance="0"), "stow")
    for tombstone in (copied(of_volume), of_volume, copied(of_volume)):
        assert bury(storage.engine, tombstone) == 0
    assert storage.index.instance(uid("0"))


def test_what_a_hold_kept_is_not_taken_by_the_volume_once_it_is_released(
    storage: Storage,
) -> None:
    storage.ingest.accept(part10(instance="0"), "stow")
    received_at = storage.index.instance(uid("0")).received_at
    of_volume = Tombstone(STUDY, utcnow(), 7, (Deleted(uid("0"), SERIES, received_at),))
    storage.legal_holds.place(LegalHold(STUDY, "Court", "admin", "", utcnow()))
    assert bury(storage.engine, copied(of_volume)) == 0
    storage.legal_holds.release(STUDY, utcnow())
    assert bury(storage.engine, of_volume) == 0
    assert storage.index.instance(uid("0"))
