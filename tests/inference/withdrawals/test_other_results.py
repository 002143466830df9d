"""A further run that gives other results: they have UIDs of their own, and those before are
withdrawn everywhere. Nobody reads two of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.deliveries.service import deliver_due
from inference.pipeline import PipelineContext, PipelineOutput
from inference.reports.due import draft_due
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job
from storage.core.job_result import MaskEdited
from storage.core.sources import of_result
from storage.jobs.outcome import JobRows
from storage.jobs.repository import Jobs
from storage.settings import Destination
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import complaints, save
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.postgres import PostgresServer
from tests.services import storescp

STUDY = study_uid("head")


@dataclass(frozen=True)
class Times(BrightRegion):
    """The same pipeline, whose numbers come out otherwise each time it is asked to."""

    factor: float = 1.0
    is_lesion: bool = False

    def run(self, context: PipelineContext) -> PipelineOutput:
        output = super().run(context)
        (measured,) = output.measurements
        value = self.factor * measured.value
        (segment,) = output.segments
        return replace(
            output,
            segments=(replace(segment, is_lesion=self.is_lesion),),
            measurements=(replace(measured, value=value),),
        )


class Killed(BaseException):
    """The worker's process ended within a call."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    there = Destination("pacs", "PACS", "127.0.0.1", 104)
    with storage_in(tmp_path, destinations=(there,)) as storage:
        receive(storage, mr_series("head", 8))
        yield storage


def first_run(storage: Storage, *, is_lesion: bool = False) -> Job:
    pipeline = Times(is_lesion=is_lesion)
    (decision,) = complete_and_schedule(storage, later(10), [pipeline])
    job = run_job(storage, decision.job_id or "", "worker", pipelines=[pipeline])
    assert job is not None
    assert (job.status, job.reason) == ("COMPLETED", "")
    return job


def run_again(storage: Storage, job: Job, factor: float, *, is_lesion: bool = False) -> Job:
    assert storage.jobs.retry(job.job_id, utcnow(), force=True)
    return go_on(storage, job, factor, is_lesion=is_lesion)


def go_on(
    storage: Storage, job: Job, factor: float, owner: str = "worker", *, is_lesion: bool = False
) -> Job:
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE job SET lease_expires_at = NULL")
    pipeline = Times(factor=factor, is_lesion=is_lesion)
    ended = run_job(storage, job.job_id, owner, pipelines=[pipeline])
    assert ended is not None
    return ended


def own(storage: Storage) -> list[Instance]:
    return [one for one in storage.index.instances_of(STUDY) if one.source.startswith("result:")]


def made_by(job: Job, kind: str = "SR") -> str:
    (uid,) = [one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind]
    return uid


def stored(storage: Storage, uid: str) -> Dataset:
    return pydicom.dcmread(BytesIO(storage.instances.read(storage.index.instance(uid))))


def number_in(report: Dataset) -> float:
    """The first number with the unit cm3."""

    def numbers(item: Dataset) -> Iterator[float]:
        for one in item.get("ContentSequence", []):
            if one.ValueType == "NUM":
                (value,) = one.MeasuredValueSequence
                if value.MeasurementUnitsCodeSequence[0].CodeValue == "cm3":
                    yield float(value.NumericValue)
            yield from numbers(one)

    return next(numbers(report))


def withdrawn_by_notes(storage: Storage) -> set[str]:
    notes = [one for one in storage.index.instances_of(STUDY) if one.source.startswith("rejection")]
    return {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for note in notes
        for item in stored(storage, note.sop_instance_uid).ContentSequence
        if item.ValueType in ("IMAGE", "COMPOSITE")
    }


def uids_of(job: Job) -> set[str]:
    return {one["sop_instance_uid"] for one in job.result["instances"]}


def says_one_thing(storage: Storage, job: Job, factor: float, first: Job) -> None:
    """The findings, the only report that counts, and what is withdrawn agree."""
    (finding,) = storage.findings.of_study(STUDY)
    assert finding.job_id == job.job_id
    assert number_in(stored(storage, made_by(job))) == pytest.approx(finding.value, abs=6e-4)
    before = stored(storage, made_by(first))
    if factor == 1:
        assert job.job_id == first.job_id
    else:
        assert number_in(before) * factor == pytest.approx(finding.value, abs=2e-3)
    withdraw_outdated(storage, utcnow())
    rest = {one.sop_instance_uid for one in own(storage)} - uids_of(job)
    assert withdrawn_by_notes(storage) == rest
    assert not storage.conflicts.contents_under({*rest, *uids_of(job)})
    # What still goes out is what counts.
    sent = {
        one.sop_instance_uid
        for one in storage.deliveries.of_study(STUDY)
        if one.sop_instance_uid not in withdrawn_by_notes(storage)
    }
    assert uids_of(job) <= sent


def test_other_values_get_new_objects_and_the_old_ones_are_withdrawn(tmp_path: Path) -> None:
    with ExitStack() as stack:
        archive = stack.enter_context(storescp(tmp_path))
        there = Destination("pacs", archive.ae_title, archive.host, archive.port)
        storage = stack.enter_context(storage_in(tmp_path, destinations=(there,)))
        receive(storage, mr_series("head", 8))
        first = first_run(storage)
        (before,) = storage.findings.of_study(STUDY)
        deliver_due(storage, utcnow(), "sender")
        draft_due(storage, later(3600))
        report = storage.reports.states_of([STUDY])[STUDY]
        storage.reports.move(report.report_id, report.version, "final", of_account("dr-jones"))

        second = run_again(storage, first, 3)

        assert second.job_id != first.job_id
        assert (second.status, second.result["revision"]) == ("COMPLETED", 1)
        assert second.input_fingerprint == first.input_fingerprint
        replaced = storage.jobs.get(first.job_id)
        assert (replaced.state, replaced.status) == ("COMPLETED", "SUPERSEDED")
        assert second.job_id in replaced.reason
        assert not uids_of(first) & uids_of(second)
        says_one_thing(storage, second, 3, first)
        assert storage.findings.get(before.finding_id).value == before.value
        # It names the report that it replaces, and is valid.
        sr = stored(storage, made_by(second))
        (study,) = sr.PredecessorDocumentsSequence
        (reference,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
        assert reference.ReferencedSOPInstanceUID == made_by(first)
        assert complaints(save(sr, tmp_path / "new.dcm")) == []
        # The signed report says that its results were withdrawn.
        report = storage.reports.states_of([STUDY])[STUDY]
        assert report.is_superseded
        # The archive has all of it, and the note.
        deliver_due(storage, utcnow(), "sender")
        there_now = {
            str(pydicom.dcmread(path).SOPInstanceUID)
            for path in archive.folder.rglob("*")
            if path.is_file()
        }
        assert uids_of(first) | uids_of(second) < there_now
        # The series is decided to be the new job, which runs again by itself.
        (decision,) = storage.acceptance_decisions.of_study(STUDY)
        assert decision.job_id == second.job_id
        third = run_again(storage, second, 3)
        assert third.job_id == second.job_id
        assert {one.sop_instance_uid for one in own(storage)} == uids_of(first) | uids_of(second)
        back = run_again(storage, second, 1)
        assert back.result["revision"] == 2
        (finding,) = storage.findings.of_study(STUDY)
        assert finding.value == before.value
        withdraw_outdated(storage, utcnow())
        assert withdrawn_by_notes(storage) == uids_of(first) | uids_of(second)


def test_equal_values_store_nothing_new(storage: Storage) -> None:
    first = first_run(storage)
    before = own(storage), storage.deliveries.of_study(STUDY)
    again = run_again(storage, first, 1)
    assert (again.job_id, again.status) == (first.job_id, "COMPLETED")
    assert (own(storage), storage.deliveries.of_study(STUDY)) == before
    says_one_thing(storage, again, 1, first)
    assert withdrawn_by_notes(storage) == set()


def test_feedback_stays_where_values_are_equal_and_is_asked_for_again_where_they_are_not(
    storage: Storage,
) -> None:
    first = first_run(storage)
    (finding,) = storage.findings.of_study(STUDY)
    storage.finding_feedback.add(finding, "REJECTED", of_account("dr-jones"))
    again = run_again(storage, first, 1)
    assert "feedback" not in " ".join(again.result["notes"])
    assert storage.finding_feedback.of_findings([finding.finding_id])[finding.finding_id]
    other = run_again(storage, first, 3)
    assert other.result["notes"][0].startswith("Readers gave feedback on the results that these")
    (found,) = storage.findings.of_study(STUDY)
    assert not storage.finding_feedback.of_findings([found.finding_id])[found.finding_id]


def dies_before_its_end(
    storage: Storage, job: Job, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.jobs.retry(job.job_id, utcnow(), force=True)

    def dies(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(Jobs, "complete_revision", dies)
        with pytest.raises(Killed):
            go_on(storage, job, factor)


@pytest.mark.parametrize("then", [3, 1, 5], ids=["the same", "those of before", "others"])
def test_a_run_that_was_cut_off_is_gone_on_with(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, then: int
) -> None:
    first = first_run(storage)
    (before,) = storage.findings.of_study(STUDY)
    dies_before_its_end(storage, first, 3, monkeypatch)
    # Until the end the results of before count.
    assert storage.findings.of_study(STUDY) == [before]
    cut_off = {one.sop_instance_uid for one in own(storage)} - uids_of(first)
    assert cut_off
    ended = go_on(storage, first, then, "other worker")
    assert (uids_of(ended) == cut_off) == (then == 3)
    assert "begun_revisions" not in ended.result
    assert "begun_revisions" not in storage.jobs.get(first.job_id).result
    says_one_thing(storage, ended, then, first)


def test_a_cancelled_further_run_leaves_the_results_of_before(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_run(storage)
    dies_before_its_end(storage, first, 3, monkeypatch)
    assert storage.jobs.cancel(first.job_id, "Not needed.", utcnow())
    says_one_thing(storage, storage.jobs.get(first.job_id), 1, first)
    assert withdrawn_by_notes(storage)


def test_a_first_run_that_stored_half_of_other_results_is_replaced(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model does not repeat itself, and its worker died once the objects were stored."""
    (decision,) = complete_and_schedule(storage, later(10), [Times()])
    job = storage.jobs.get(decision.job_id or "")

    def dies(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(Jobs, "complete", dies)
        with pytest.raises(Killed):
            go_on(storage, job, 1)
    half = {one.sop_instance_uid for one in own(storage)}
    ended = go_on(storage, job, 3, "other worker")
    assert ended.status == "COMPLETED"
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    (finding,) = storage.findings.of_study(STUDY)
    assert number_in(stored(storage, made_by(ended))) == pytest.approx(finding.value, abs=6e-4)
    withdraw_outdated(storage, utcnow())
    assert withdrawn_by_notes(storage) == half


def test_results_that_were_deleted_keep_their_uids_only_if_they_come_out_alike(
    storage: Storage,
) -> None:
    first = first_run(storage)
    for one in own(storage):
        storage.deletions.instance(one.sop_instance_uid)
    assert uids_of(run_again(storage, first, 1)) == uids_of(first)
    for one in own(storage):
        storage.deletions.instance(one.sop_instance_uid)
    assert not uids_of(run_again(storage, first, 3)) & uids_of(first)
    assert {one.source for one in own(storage)} != {of_result(first.job_id)}


def test_edited_masks_stay_and_other_results_are_refused(storage: Storage) -> None:
    first = first_run(storage)
    before = own(storage), storage.findings.of_study(STUDY), storage.deliveries.of_study(STUDY)
    edit = replace(
        first,
        job_id="11111111-2222-4333-8444-555555555555",
        input_fingerprint="e" * 64,
        created_at=utcnow(),
        result={
            "edited": MaskEdited(
                by="dr-jones",
                segment_numbers=[1],
                reason="",
                source_fingerprint=first.input_fingerprint,
                predecessor_sop_instance_uid=made_by(first, "SEG"),
            )
        },
    )
    assert storage.jobs.record(edit, JobRows())
    ended = run_again(storage, first, 3)
    assert (ended.job_id, ended.status) == (first.job_id, "COMPLETED")
    assert "a person has edited the masks of those since" in ended.reason
    assert ended.reason.endswith("The results are those of the run before.")
    after = own(storage), storage.findings.of_study(STUDY), storage.deliveries.of_study(STUDY)
    assert after == before
    assert run_again(storage, first, 1).reason == ""


def test_lesions_pass_to_the_new_job(tmp_path: Path, postgres_server: PostgresServer) -> None:
    there = Destination("pacs", "PACS", "127.0.0.1", 104)
    url = postgres_server.migrated_database()
    with storage_in(tmp_path, destinations=(there,), database_url=url) as storage:
        receive(storage, mr_series("head", 8))
        first = first_run(storage, is_lesion=True)
        (before,) = storage.lesions.of_jobs([first.job_id])
        second = run_again(storage, first, 3, is_lesion=True)
        (after,) = storage.lesions.of_jobs([second.job_id])
        assert after.lesion_id != before.lesion_id
        assert (after.volume_mm3, after.created_at) == (before.volume_mm3, second.created_at)
        says_one_thing(storage, second, 3, first)
