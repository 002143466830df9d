"""Rejection notes of a PACS: what they name is used no more, until the note is deleted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_node.server.scp import start_scp
from inference.delays.deliveries import of_cancelled
from inference.delays.facts import read_facts
from inference.deliveries.service import deliver_due
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.deliveries.listing import DeliveryFilter, list_deliveries, send_again
from storage.peers.entities import KnownPeer
from tests.dicom_node.builders import storescu, write
from tests.inference.orchestration import later, storage_in
from tests.inference.rejection_notes.notes import (
    CODES,
    STUDY,
    hide_rejected,
    images,
    note_over,
    seen,
    send,
    uids,
)
from tests.inference.small import BrightRegion, study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, unknown_peers_may=("store", "reject")) as opened:
        yield opened


@pytest.mark.parametrize("code", CODES)
def test_rejected_images_are_gone_until_the_note_is_deleted(storage: Storage, code: str) -> None:
    slices = images(8)
    send(storage, slices)
    note = note_over(slices[5:], code)
    send(storage, [note])
    assert hide_rejected(storage, utcnow()) == 3
    assert hide_rejected(storage, utcnow()) == 0
    assert seen(storage) == uids(slices[:5])
    for one in slices[5:]:
        with pytest.raises(NotFound):
            storage.index.instance(str(one.SOPInstanceUID))
        with pytest.raises(NotFound):
            storage.lookup.instance(str(one.SOPInstanceUID))
    storage.deletions.instance(str(note.SOPInstanceUID))
    assert seen(storage) == uids(slices)


def test_results_over_rejected_images_are_withdrawn_and_made_again(storage: Storage) -> None:
    slices = images(8)
    send(storage, slices)
    (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
    first = run_job(storage, decision.job_id or "", "worker", pipelines=[BrightRegion()])
    assert first is not None
    assert first.status == "COMPLETED", first.reason
    send(storage, [note_over(slices[5:])])
    hide_rejected(storage, utcnow())
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(first.job_id).status == "SUPERSEDED"
    again = [
        one
        for one in complete_and_schedule(storage, later(20), [BrightRegion()])
        if one.job_id is not None
    ]
    (second,) = again
    assert second.job_id != first.job_id


def test_a_series_that_is_rejected_as_a_whole_is_gone_and_runs_nowhere(storage: Storage) -> None:
    slices = images(4)
    send(storage, slices)
    note = note_over(slices)
    send(storage, [note])
    hide_rejected(storage, utcnow())
    assert seen(storage) == set()
    assert not [
        one for one in complete_and_schedule(storage, later(10), [BrightRegion()]) if one.job_id
    ]
    # Another slice of it shows the series again, with that slice alone.
    late = images(5)[4:]
    send(storage, late)
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(late)


def test_a_note_before_its_images_hides_them_when_they_come(
    storage: Storage, tmp_path: Path
) -> None:
    """The note by DCMTK's storescu, as a PACS sends it."""
    slices = images(4)
    scp = start_scp(storage, 0)
    try:
        ran = storescu(scp.port, [write(note_over(slices[2:]), tmp_path / "note.dcm")])
        assert ran.returncode == 0, ran.stderr
    finally:
        scp.shutdown(grace_s=1.0)
    assert hide_rejected(storage, utcnow()) == 0
    send(storage, slices)
    assert hide_rejected(storage, utcnow()) == 2
    assert seen(storage) == uids(slices[:2])
    # Sent once more, they stay hidden; deleted with the study, they are gone with it.
    send(storage, slices[2:])
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:2])
    assert storage.deletions.study(STUDY).instance_count == 5
    assert storage.index.study_count() == 0


def test_two_notes_over_one_image_and_one_that_rejects_nothing(storage: Storage) -> None:
    slices = images(4)
    send(storage, slices)
    both = [note_over(slices[3:], "113001"), note_over(slices[3:], "113039")]
    send(storage, [*both, note_over(slices[:1], "113000")])
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:3])
    storage.deletions.instance(str(both[0].SOPInstanceUID))
    assert seen(storage) == uids(slices[:3])
    storage.deletions.instance(str(both[1].SOPInstanceUID))
    assert seen(storage) == uids(slices)


def test_a_series_of_which_the_rest_is_deleted_shows_nothing_that_was_rejected(
    storage: Storage,
) -> None:
    slices = images(3)
    send(storage, [*slices, note_over(slices[1:])])
    hide_rejected(storage, utcnow())
    storage.deletions.instance(str(slices[0].SOPInstanceUID))
    assert seen(storage) == set()
    series = str(slices[0].SeriesInstanceUID)
    assert storage.deletions.series(STUDY, series).instance_count == 2


def test_a_note_cannot_reject_images_of_another_study(storage: Storage) -> None:
    slices = images(4)
    send(storage, slices)
    note = note_over(slices[2:])
    note.StudyInstanceUID = study_uid("other")
    send(storage, [note])
    assert hide_rejected(storage, utcnow()) == 0
    assert seen(storage) == uids(slices)


def deliveries_to(storage: Storage, destination: str) -> dict[str, tuple[str, str]]:
    """State and reason by instance, as the list shows them."""
    wanted = DeliveryFilter(destination=destination)
    found, _ = list_deliveries(storage.engine, wanted, 99, 0)
    return {one.sop_instance_uid: (one.state, one.last_error) for one in found}


def test_deliveries_of_rejected_images_end_with_the_reason_and_go_on_without_the_note(
    storage: Storage,
) -> None:
    storage.peers.add(KnownPeer("shelf", kind="folder", folder="shelf"))
    slices = images(6)
    send(storage, slices)
    uid = [str(one.SOPInstanceUID) for one in slices]
    every = storage.index.instances_of(STUDY)
    storage.deliveries.enqueue("shelf", every[:4], None, cause="PERSON")
    storage.deliveries.enqueue("shelf", every[4:], None, state="AWAITING_RELEASE")
    # The first one was sent and is not proved, the others wait, as the note comes.
    taken = storage.deliveries.claim_due("sender", 60, utcnow(), 10)
    assert [one.sop_instance_uid for one in taken] == uid[:4]
    storage.deliveries.arrived([taken[0].delivery_id], "sender", utcnow())
    storage.deliveries.give_back("sender", utcnow())
    note = note_over([*slices[:3], slices[5]])
    send(storage, [note])
    hide_rejected(storage, utcnow())
    # Wanted at the very moment, when nobody looks any more.
    storage.deliveries.enqueue("late", every[:1], None, cause="PERSON")
    storage.peers.add(KnownPeer("late", kind="folder", folder="late"))
    for _ in range(2):
        deliver_due(storage, later(9999), "sender")
    rejected = ("CANCELLED", "A rejection note took it out of use, so it is not sent.")
    states = deliveries_to(storage, "shelf")
    assert states[uid[0]][0] == "SENT"
    assert "no proof is asked for" in states[uid[0]][1]
    assert states[uid[1]] == states[uid[2]] == states[uid[5]] == rejected
    assert [states[uid[3]][0], states[uid[4]][0]] == ["CONFIRMED", "AWAITING_RELEASE"]
    assert deliveries_to(storage, "late") == {uid[0]: rejected}
    assert not storage.deliveries.is_any_due(later(99_999))
    (delay,) = of_cancelled(read_facts(storage, STUDY, utcnow()))
    assert delay.sentence.startswith("4 deliveries to late, shelf ended (A rejection note took it")
    # What nobody has released is not let go by trying again.
    listed = list_deliveries(storage.engine, DeliveryFilter(state="CANCELLED"), 9, 0)[0]
    assert send_again(storage.engine, [one.delivery_id for one in listed]) == 3
    deliver_due(storage, later(9999), "sender")
    assert deliveries_to(storage, "shelf") == states
    storage.deletions.instance(str(note.SOPInstanceUID))
    states = deliveries_to(storage, "shelf")
    assert [states[one] for one in uid[1:3]] == [("PENDING", "")] * 2
    assert states[uid[5]] == ("AWAITING_RELEASE", "")
    deliver_due(storage, later(9999), "sender")
    assert {deliveries_to(storage, "shelf")[one][0] for one in uid[1:3]} == {"CONFIRMED"}
    assert deliveries_to(storage, "late")[uid[0]][0] == "CONFIRMED"


@pytest.mark.parametrize(
    ("of_note", "by", "is_revoked", "is_first"),
    [
        ("113001", "113001", True, True),
        ("113001", "113037", True, False),
        # What a note says stays true when its time is over.
        ("113001", "113039", False, True),
        # Nothing but deleting the note gives these back.
        ("113037", "113001", False, False),
    ],
)
def test_a_note_that_is_itself_rejected(
    storage: Storage, of_note: str, by: str, is_revoked: bool, is_first: bool
) -> None:
    """Whichever of the two comes first."""
    slices = images(4)
    send(storage, slices)
    note = note_over(slices[2:], of_note)
    second = note_over([note], by)
    for one in (note, second) if is_first else (second, note):
        send(storage, [one])
        hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices if is_revoked else slices[:2])
    with pytest.raises(NotFound):
        storage.index.instance(str(note.SOPInstanceUID))
    # Deleting the second note puts the first one in force again.
    storage.deletions.instance(str(second.SOPInstanceUID))
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:2])
    assert storage.index.instance(str(note.SOPInstanceUID))
    storage.deletions.instance(str(note.SOPInstanceUID))
    assert seen(storage) == uids(slices)


def test_a_note_counts_again_when_the_one_that_rejected_it_is_rejected(storage: Storage) -> None:
    slices = images(4)
    note = note_over(slices[2:], "113001")
    second = note_over([note], "113001")
    third = note_over([second], "113037")
    send(storage, [*slices, note, second, third])
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:2])
    storage.audit.flush()
    events, _ = find_events(storage.engine, AuditFilter(), 9, 0)
    counted = [one.detail for one in events if one.detail.get("via") == "IOCM"]
    assert sum(int(one.get("rejected_instances", 0)) for one in counted) == 3


def test_notes_that_reject_each_other_both_hide(storage: Storage) -> None:
    slices = images(4)
    first, second = note_over(slices[2:3], "113001"), note_over(slices[3:], "113001")
    notes = [first, second]
    for one, other in (notes, notes[::-1]):
        (study,) = one.CurrentRequestedProcedureEvidenceSequence
        of_other = Dataset()
        of_other.SeriesInstanceUID = other.SeriesInstanceUID
        of_other.ReferencedSOPSequence = [Dataset()]
        of_other.ReferencedSOPSequence[0].ReferencedSOPClassUID = other.SOPClassUID
        of_other.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = other.SOPInstanceUID
        study.ReferencedSeriesSequence.append(of_other)
    send(storage, [*slices, *notes])
    hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:2])
