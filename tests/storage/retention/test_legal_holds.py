"""A study on legal hold stays, whoever asks for its deletion, until a person releases it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.ingest.bulk_decisions import decide_all
from storage.retention.legal_holds import LegalHold
from storage.volumes.scan import scan, volumes_in
from tests.storage.deletion.test_deleting import SERIES, STUDY, close, fill, uid
from tests.storage.instances import part10


def hold(study_instance_uid: str = STUDY, reason: str = "Request 12/2026") -> LegalHold:
    return LegalHold(study_instance_uid, reason, "ada", "account:1", utcnow())


def test_nothing_of_it_is_deleted_until_it_is_released(storage: Storage) -> None:
    fill(storage)
    assert storage.legal_holds.place(hold())
    for delete in (
        lambda: storage.deletions.study(STUDY),
        lambda: storage.deletions.series(STUDY, SERIES),
        lambda: storage.deletions.instance(uid("1")),
    ):
        with pytest.raises(StateConflict, match=f"{STUDY} is on legal hold since 2") as refused:
            delete()
        assert f"mediview retention release {STUDY}" in refused.value.remedy
        assert "12/2026" not in refused.value.message
    assert storage.index.study(STUDY).instance_count == 6
    close(storage)
    kinds = {one.note.kind for path in volumes_in(storage.volumes.folder) for one in scan(path)}
    assert "tombstone" not in kinds, "a restart would delete it"

    storage.legal_holds.release(STUDY, utcnow())
    assert storage.deletions.study(STUDY).instance_count == 6


def test_no_other_content_takes_the_place_of_a_held_instance(storage: Storage) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.ingest.accept(part10(PatientID="P2"), "stow")
    ((conflict,), _) = storage.conflicts.page(10, 0)
    storage.legal_holds.place(hold())
    with pytest.raises(StateConflict, match="on legal hold"):
        storage.conflicts.accept(conflict.conflict_id)
    decided = decide_all(storage.conflicts, [conflict], "accept")
    assert "on legal hold" in decided.left[conflict.conflict_id], "the others are decided"
    storage.legal_holds.release(STUDY, utcnow())
    storage.conflicts.accept(conflict.conflict_id)


def test_a_second_hold_changes_the_reason_and_a_first_release_ends_it(storage: Storage) -> None:
    fill(storage)
    storage.legal_holds.place(hold())
    assert not storage.legal_holds.place(hold(reason="Study of the year"))
    found, total = storage.legal_holds.page(10, 0)
    assert [(one.reason, one.placed_by) for one in found] == [("Study of the year", "ada")]
    assert total == 1
    storage.legal_holds.release(STUDY, utcnow())
    with pytest.raises(NotFound, match="not on legal hold"):
        storage.legal_holds.release(STUDY, utcnow())
    changes = [one.payload["change"] for one in storage.events.since(0) if one.topic == "study"]
    assert changes[-2:] == ["legal_hold_placed", "legal_hold_released"]


def test_a_study_that_is_not_here_and_a_hold_without_a_reason_are_refused(
    storage: Storage,
) -> None:
    with pytest.raises(NotFound, match=r"holds no study 1\.2"):
        storage.legal_holds.place(hold("1.2"))
    fill(storage)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        storage.legal_holds.place(hold(reason=" \n"))


def test_a_hold_and_a_deletion_at_the_same_time_do_not_both_succeed(storage: Storage) -> None:
    with ThreadPoolExecutor(2) as pool:
        for number in range(8):
            name = f"race-{number}"
            accepted = storage.ingest.accept(part10(study=name), "stow")
            study = accepted.study_instance_uid
            placing = pool.submit(storage.legal_holds.place, hold(study))
            deleting = pool.submit(storage.deletions.study, study)
            failed = [one.exception() for one in (placing, deleting)]
            assert sum(one is None for one in failed) == 1, failed
            assert isinstance(failed[0] or failed[1], NotFound | StateConflict)
