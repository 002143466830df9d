"""What becomes of a result when its prior comes later, changes, goes, or was somebody else's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.scheduling import studies_awaiting_priors
from inference.scheduling.schedule import complete_and_schedule, schedule_series
from inference.scheduling.studies_awaiting_priors import look_for_priors_again
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.access_groups.decisions import Decision as GroupDecision
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Series
from storage.core.errors import StorageUnavailable
from storage.jobs.withdrawals import NO_PRIOR_ANY_MORE
from storage.patient_identity.entities import (
    ChangeKind,
    Demographics,
    Origin,
    PatientKey,
    Statement,
)
from tests.inference.input_selection.earlier_studies import (
    NEW_MM,
    NOW,
    OLD_MM,
    SPACING_MM,
    added,
    card,
    chest,
    decided,
    done,
)
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.scheduling.four_sequences import files


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def test_a_prior_that_comes_later_revises_the_result_and_a_nearer_one_once_more(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    first = done(storage, decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM)))
    assert "before" not in {one["role"] for one in first.result["inputs"]}
    assert any("CT before not there, given as zeros" in one for one in first.result["notes"])
    older = chest("2.25.9100", "20240301", NEW_MM)
    second = done(storage, decided(storage, older))
    assert storage.jobs.get(first.job_id).status == "SUPERSEDED"
    third = done(storage, decided(storage, chest("2.25.9300", "20241231", OLD_MM)))
    assert storage.jobs.get(second.job_id).status == "SUPERSEDED"
    # One that is too old, of another body part or of no earlier day changes nothing.
    for study, date, changes in (
        ("2.25.9400", "20230101", {}),
        ("2.25.9500", "20251001", {"BodyPartExamined": "HEAD"}),
        ("2.25.9600", "20260101", {}),
    ):
        found = decided(storage, chest(study, date, **changes))
        assert found.job_id == third.job_id
    # A late slice of the prior withdraws what was made with it.
    late = chest("2.25.9300", "20241231", OLD_MM, number=3)[-1]
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = "2.25.9999"
    late.ImagePositionPatient[2] = float(late.ImagePositionPatient[2]) + SPACING_MM[0]
    receive(storage, files([late]))
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(third.job_id).status == "SUPERSEDED"
    revised = decided(storage)
    assert revised.job_id != third.job_id
    assert "CT before: series 3 of 2024-12-31" in revised.reason


def test_a_prior_that_is_deleted_leaves_the_result_and_delays_no_job(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    job = done(
        storage,
        decided(
            storage,
            chest("2.25.9300", "20241231", OLD_MM),
            chest(NOW, "20251231", OLD_MM, NEW_MM),
        ),
    )
    storage.deletions.study("2.25.9300")
    withdraw_outdated(storage, utcnow())
    assert storage.jobs.get(job.job_id).status == "COMPLETED"
    waiting = decided(storage, chest("2.25.9400", "20250301", NEW_MM))
    storage.deletions.study("2.25.9400")
    ended = run_job(storage, waiting.job_id or "", "worker")
    assert ended is not None
    assert ended.status == "SUPERSEDED"
    without = done(storage, decided(storage))
    assert [one["role"] for one in without.result["inputs"]] == ["now"]


def test_what_was_made_with_the_prior_of_somebody_else_is_withdrawn(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    job = done(
        storage,
        decided(
            storage,
            chest("2.25.9300", "20241231", OLD_MM),
            chest(NOW, "20251231", OLD_MM, NEW_MM),
        ),
    )
    moved = Statement(
        "move", PatientKey("OTHER", ""), Demographics("Other^One"), study_instance_uid="2.25.9300"
    )
    storage.patient_changes.record([moved], Origin("ada", "account:1", reason="wrong"), utcnow())
    withdraw_outdated(storage, utcnow())
    withdrawn = storage.jobs.get(job.job_id)
    assert withdrawn.status == "SUPERSEDED"
    assert "of another patient" in withdrawn.reason
    again = decided(storage)
    assert again.job_id != job.job_id
    assert "no earlier study of the patient is here" in again.reason


def test_a_study_whose_prior_went_is_decided_on_again_whatever_fails_meanwhile(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends between the two, and another study that cannot be read."""
    added(storage, tmp_path / "m", card())
    other = "2.25.9002"
    prior, one = chest("2.25.9300", "20241231", OLD_MM), chest(other, "20251231", NEW_MM)
    lost = decided(storage, prior, one, study=other)
    kept = decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM))
    moved = Statement(
        "move", PatientKey("OTHER", ""), Demographics("Other^One"), study_instance_uid="2.25.9300"
    )
    storage.patient_changes.record([moved], Origin("ada", "account:1", reason="wrong"), utcnow())
    for job_id in (lost.job_id or "", kept.job_id or ""):
        assert storage.withdrawals.supersede(job_id, NO_PRIOR_ANY_MORE, utcnow())
    assert storage.index.patient_studies.no_longer_of() == []
    really = studies_awaiting_priors.decide_on_study

    def fails_once(storage: Storage, series: Series, *rest: Any, **others: Any) -> Decision:
        if series.study_instance_uid == other:
            raise StorageUnavailable("The volume is away.", remedy="Mount it.")
        return really(storage, series, *rest, **others)

    with monkeypatch.context() as patch:
        patch.setattr(studies_awaiting_priors, "decide_on_study", fails_once)
        withdraw_outdated(storage, utcnow())
    assert decided(storage).accepted
    assert decided(storage).job_id != kept.job_id
    assert decided(storage, study=other).job_id == lost.job_id
    withdraw_outdated(storage, utcnow())
    assert decided(storage, study=other).job_id not in ("", None, lost.job_id)


def test_a_later_study_that_fails_holds_up_no_series_and_is_asked_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(storage: Storage, *_: Any, **__: Any) -> Decision:
        raise StorageUnavailable("The volume is away.", remedy="Mount it.")

    with storage_in(tmp_path) as storage:
        added(storage, tmp_path / "m", card())
        first = decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM))
        with monkeypatch.context() as patch:
            patch.setattr(studies_awaiting_priors, "decide_on_study", fails)
            prior = decided(storage, chest("2.25.9300", "20241231", OLD_MM), study="2.25.9300")
        assert prior.accepted
        assert decided(storage).job_id == first.job_id, "it is left alone for a while"
    with storage_in(tmp_path) as storage:
        look_for_priors_again(storage, later(100))
        assert "CT before: series 3 of 2024-12-31" in decided(storage).reason


def test_a_request_that_completes_a_prior_does_not_wait_for_what_is_later(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    first = decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM))
    receive(storage, files(chest("2.25.9300", "20241231", OLD_MM)))
    (series,) = storage.index.series_of("2.25.9300")
    completed = storage.index.mark_complete(series, utcnow())
    assert completed is not None
    schedule_series(storage, completed)
    assert {one.job_id for one in storage.acceptance_decisions.of_study(NOW)} == {
        None,
        first.job_id,
    }
    assert decided(storage).job_id != first.job_id


@pytest.mark.parametrize("kind", ["move", "merge"])
def test_a_prior_that_a_correction_or_merge_gives_to_the_patient_revises_the_result(
    storage: Storage, tmp_path: Path, kind: ChangeKind
) -> None:
    added(storage, tmp_path / "m", card())
    now = chest(NOW, "20251231", OLD_MM, NEW_MM)
    patient = PatientKey(str(now[0].PatientID), "")
    name = Demographics(str(now[0].PatientName))
    first = decided(storage, now, chest("2.25.9300", "20241231", OLD_MM, PatientID="WRONG"))
    assert "no earlier study of the patient is here" in first.reason
    statement = (
        Statement("move", patient, name, study_instance_uid="2.25.9300")
        if kind == "move"
        else Statement("merge", patient, name, PatientKey("WRONG", ""))
    )
    storage.patient_changes.record([statement], Origin("ada", "account:1", reason="one"), utcnow())
    revised = decided(storage)
    assert revised.job_id != first.job_id
    assert "CT before: series 3 of 2024-12-31" in revised.reason


def test_a_prior_that_comes_into_sight_by_its_access_group_revises_the_result(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", card())
    groups = storage.access_groups
    ids = {name: groups.add(name).group_id for name in ("North", "South")}
    decided(storage, chest(NOW, "20251231", OLD_MM, NEW_MM), chest("2.25.9300", "20241231", OLD_MM))
    storage.access_decisions.decide(NOW, GroupDecision(99, (ids["South"],)))
    storage.access_decisions.decide("2.25.9300", GroupDecision(99, (ids["North"],)))
    groups.enforce(True)
    withdraw_outdated(storage, utcnow())
    without = decided(storage)
    assert "no earlier study of the patient is here" in without.reason
    groups.assign("South", "2.25.9300")
    revised = decided(storage)
    assert revised.job_id != without.job_id
    assert "CT before: series 3 of 2024-12-31" in revised.reason


def test_what_nobody_takes_is_taken_off_the_list(storage: Storage) -> None:
    decided_without = [chest(NOW, "20251231"), chest("2.25.9300", "20241231")]
    for one in decided_without:
        receive(storage, files(one))
        complete_and_schedule(storage, later(10))
    assert storage.due_for_priors.due(later(10), 10)
    assert look_for_priors_again(storage, later(10)) == 0
    assert storage.due_for_priors.due(later(10), 10) == []
