"""Rounds over rejection notes: what came before this version, and how much a round takes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from pydicom.dataset import Dataset

from inference.rejection_notes import service
from inference.rejection_notes.service import RejectionRounds
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged, LimitExceeded
from storage.dicom import dataset_reader, undecoded
from storage.integrity.instance_reader import InstanceReader
from storage.rejection_notes import repository
from tests.inference.orchestration import later, storage_in
from tests.inference.rejection_notes.notes import hide_rejected, images, note_over, seen, send, uids


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, unknown_peers_may=("store", "reject")) as opened:
        yield opened


def test_notes_that_a_former_version_read_are_judged_when_the_node_starts(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = images(4)
    note = note_over(slices[2:], "113001")
    with monkeypatch.context() as former:
        former.setattr(repository, "update_notes_in_force", Mock(return_value=0))
        send(storage, [*slices, note, note_over([note], "113037")])
        hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:2])
    rounds = RejectionRounds(storage)
    rounds.round(later(timedelta(days=9).total_seconds()))
    assert seen(storage) == uids(slices)
    storage.audit.flush()
    events, _ = find_events(storage.engine, AuditFilter(), 9, 0)
    assert [one.detail["shown_instances"] for one in events if "shown_instances" in one.detail] == [
        2
    ]


def test_no_note_is_left_out_because_others_are_old_damaged_or_many(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_NOTES_PER_ROUND", 2)
    slices = images(8)
    send(storage, [*slices, *(note_over([one]) for one in slices[3:])])
    damaged = {one.sop_instance_uid for one in storage.rejection_notes.unread(2)}
    read = service._rejection

    def rejection(reader: InstanceReader, note: Instance) -> tuple[str, set[str]]:
        if note.sop_instance_uid in damaged:
            raise InstanceDamaged(note.sop_instance_uid)
        return read(reader, note)

    monkeypatch.setattr(service, "_rejection", rejection)
    rounds = RejectionRounds(storage)
    now = later(timedelta(days=9).total_seconds())
    for _ in range(4):
        rounds.round(now)
    assert len(seen(storage)) == 5, "all but those of the two damaged notes"
    # Once everything was looked at, a round looks at what is new alone.
    damaged.clear()
    rounds.round(now)
    assert len(seen(storage)) == 5
    RejectionRounds(storage).round(now)
    assert seen(storage) == uids(slices[:3])


def test_a_note_of_countless_items_is_not_read(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of empty items take gigabytes as data sets, and the clock of the node waits."""
    for module in (dataset_reader, undecoded):
        monkeypatch.setattr(module, "MAX_READ_ELEMENTS", 2_000)
    slices = images(4)
    bomb = note_over(slices[2:])
    bomb.CurrentRequestedProcedureEvidenceSequence.extend(Dataset() for _ in range(10_000))
    send(storage, [*slices, bomb])
    assert hide_rejected(storage, utcnow()) == 0
    assert seen(storage) == uids(slices)
    with pytest.raises(LimitExceeded):
        storage.instances.dataset(storage.index.instance(str(bomb.SOPInstanceUID)))
    # Another one is judged all the same.
    send(storage, [note_over(slices[3:])])
    assert hide_rejected(storage, utcnow()) == 1


def test_a_note_that_is_deleted_while_it_is_read_hides_nothing(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = images(4)
    note = note_over(slices[2:])
    send(storage, [*slices, note])
    read = service._rejection

    def rejection(reader: InstanceReader, looked_up: Instance) -> tuple[str, set[str]]:
        found = read(reader, looked_up)
        storage.deletions.instance(looked_up.sop_instance_uid)
        return found

    monkeypatch.setattr(service, "_rejection", rejection)
    RejectionRounds(storage).round(utcnow())
    assert seen(storage) == uids(slices)
    assert storage.rejection_notes.ignored(str(note.StudyInstanceUID)) == []
