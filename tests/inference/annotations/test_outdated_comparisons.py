"""A result that was compared with an earlier study, once that is none of this patient any more."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.annotations.content import replaced_by
from inference.annotations.feedback_reports import write_feedback_reports
from inference.prior_comparison import StoredComparisons
from inference.reports.due import draft_due
from inference.withdrawals.late_instances import withdraw_outdated
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.jobs.withdrawals import SUPERSEDED
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.inference.annotations.compared_studies import (
    changes,
    made,
    made_since,
    named,
    of_kinds,
    pdf_text,
    report,
    values,
    wanted,
    words,
)
from tests.inference.orchestration import later, storage_in
from tests.inference.results_support import complaints, save

ADA = Origin("ada", "account:1", reason="Scanned under another's card.")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, feedback_quiet_s=0) as opened:
        yield opened


def moved(storage: Storage, before: Job) -> None:
    statement = Statement(
        "move",
        PatientKey("OTHER", ""),
        Demographics("Other^One"),
        study_instance_uid=before.study_instance_uid,
    )
    storage.patient_changes.record([statement], ADA, utcnow())


def deleted(storage: Storage, before: Job) -> None:
    storage.deletions.study(before.study_instance_uid)


def series_deleted(storage: Storage, before: Job) -> None:
    storage.deletions.series(before.study_instance_uid, before.series_instance_uid)


def withdrawn(storage: Storage, before: Job) -> None:
    assert storage.withdrawals.supersede(before.job_id, SUPERSEDED, utcnow())
    withdraw_outdated(storage, utcnow())


def rounds(storage: Storage) -> None:
    """Of the clock: a draft may make those of later studies due."""
    for _ in range(3):
        write_feedback_reports(storage, utcnow(), StoredComparisons(storage))
        draft_due(storage, later(3600))


def held(storage: Storage, job: Job) -> set[str]:
    return {one.sop_instance_uid for one in storage.index.instances_of(job.study_instance_uid)}


def draft(storage: Storage, job: Job) -> str:
    found = storage.reports.states_of([job.study_instance_uid])[job.study_instance_uid]
    return " ".join(one.text for section in found.sections for one in section.sentences)


@pytest.mark.parametrize("goes", [moved, deleted, series_deleted, withdrawn])
def test_results_compared_with_a_study_that_counts_no_more_are_replaced(
    storage: Storage, tmp_path: Path, goes: Callable[[Storage, Job], None]
) -> None:
    before = made(storage, 1, "20230101")
    now = made(storage, 2, "20240101", arm=4, kinds=("PDF",))
    rounds(storage)
    old = report(storage, now)
    assert changes(old)
    assert "1 January 2023" in draft(storage, now)
    while sent := storage.deliveries.claim_due("sender", 60, utcnow(), 100):
        storage.deliveries.arrived([one.delivery_id for one in sent], "sender", utcnow())
    there = held(storage, now)

    goes(storage, before)
    rounds(storage)

    new = report(storage, now)
    assert list(replaced_by(new)) == [old.SOPInstanceUID]
    assert changes(new) == []
    assert values(new) == values(old)
    # Nothing of the other study is left, not even among the evidence, or in a comment.
    assert before.study_instance_uid not in str(new)
    assert "2023" not in " ".join(str(one) for one in new.iterall() if one.VR in ("UT", "DA"))
    assert words(new) == [
        f"{name} volume: the comparison with an earlier study is left out, since what it rested on"
        " was corrected, rejected, withdrawn, deleted or moved afterwards."
        for name in ("Brain", "Cerebellum")
    ]
    assert complaints(save(new, tmp_path / "new.dcm")) == []
    since = made_since(storage, now, there)
    assert set(since) == {"SR", "DOC", "KO"}
    assert named(since["KO"]) == of_kinds(now, "PDF")
    text = " ".join(pdf_text(storage, str(since["DOC"].SOPInstanceUID)).split())
    assert "Written since an earlier study counts no more." in text
    assert "2023" not in text
    assert {str(one.SOPInstanceUID) for one in since.values()} <= wanted(storage, now)
    assert "2023" not in draft(storage, now)
    assert [one.prior for one in storage.findings.of_job(now.job_id)] == [None, None]
    # Nothing more comes of it.
    there = held(storage, now)
    storage.draft_queue.mark(now.study_instance_uid, utcnow())
    rounds(storage)
    assert held(storage, now) == there


def test_a_move_that_is_undone_brings_the_comparison_back(storage: Storage, tmp_path: Path) -> None:
    before = made(storage, 3, "20230101")
    now = made(storage, 4, "20240101", arm=4, kinds=("PDF",))
    rounds(storage)
    old = report(storage, now)
    moved(storage, before)
    rounds(storage)
    without = report(storage, now)
    (change,), _ = storage.patient_changes.page(10, 0)
    storage.patient_changes.undo(change.change_id, ADA, utcnow())
    rounds(storage)
    again = report(storage, now)
    assert list(replaced_by(again)) == [without.SOPInstanceUID]
    assert len(changes(again)) == len(changes(old)) > 0
    assert "left out" not in str(again)
    assert complaints(save(again, tmp_path / "again.dcm")) == []
    # With a word of a reader, versions go on.
    brain, _ = storage.findings.of_job(now.job_id)
    storage.finding_feedback.add(brain, "REJECTED", of_account("dr-jones"))
    rounds(storage)
    assert list(replaced_by(report(storage, now))) == [again.SOPInstanceUID]
    moved(storage, before)
    rounds(storage)
    last = report(storage, now)
    assert changes(last) == []
    assert any("rejected by dr-jones" in one for one in words(last))
    assert len({one.number for one in storage.feedback_reports.versions(now.job_id)}) == 4


def test_a_comparison_with_a_study_that_is_not_the_newest_any_more_still_holds(
    storage: Storage,
) -> None:
    first = made(storage, 5, "20220101")
    now = made(storage, 6, "20240101", arm=4)
    old = report(storage, now)
    between = made(storage, 7, "20230101", arm=2)
    rounds(storage)
    (_, cerebellum) = storage.findings.of_job(now.job_id)
    assert cerebellum.prior is not None
    assert cerebellum.prior.study_instance_uid == between.study_instance_uid
    assert report(storage, now).SOPInstanceUID == old.SOPInstanceUID
    # What it states is of the first, and goes with that.
    moved(storage, between)
    rounds(storage)
    assert report(storage, now).SOPInstanceUID == old.SOPInstanceUID
    deleted(storage, first)
    rounds(storage)
    assert list(replaced_by(report(storage, now))) == [old.SOPInstanceUID]
    assert changes(report(storage, now)) == []


def test_a_value_of_before_that_is_measured_again_otherwise_ends_the_comparison(
    storage: Storage,
) -> None:
    before = made(storage, 8, "20230101")
    now = made(storage, 9, "20240101", arm=4)
    old = report(storage, now)
    found = storage.findings.of_job(before.job_id)
    storage.findings.replace_for_job(
        before.job_id, [dataclasses.replace(one, value=(one.value or 0) * 2) for one in found]
    )
    storage.draft_queue.mark(before.study_instance_uid, utcnow())
    rounds(storage)
    new = report(storage, now)
    assert list(replaced_by(new)) == [old.SOPInstanceUID]
    assert changes(new) == []
