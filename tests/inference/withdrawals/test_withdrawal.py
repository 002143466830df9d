"""Late slices: whatever the partial series gave is withdrawn at once, here and at destinations."""

from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.annotations.key_images import save_key_images
from inference.deliveries.service import deliver_due
from inference.reports.due import draft_due
from inference.results.author import Author
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.core.sources import of_result
from storage.settings import Destination
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import complaints, save
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import free_port, storescp

STUDY = study_uid("head")
KINDS = ("SC", "PDF", "KOS")


def analysed(storage: Storage) -> Job:
    """The job over what there is of the series, run to its end."""
    (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
    job = run_job(storage, decision.job_id or "", "worker", pipelines=[BrightRegion()])
    assert job is not None
    assert job.status == "COMPLETED", job.reason
    return job


def received_files(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]


def note_in(storage: Storage) -> Dataset:
    """The only rejection note that the study holds."""
    (found,) = [
        one for one in storage.index.instances_of(STUDY) if one.source.startswith("rejection:")
    ]
    return pydicom.dcmread(BytesIO(storage.instances.read(found)))


def rejected_by(note: Dataset) -> set[str]:
    return {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in note.ContentSequence
        if item.ValueType in ("IMAGE", "COMPOSITE")
    }


def report_text(storage: Storage) -> str:
    report = storage.reports.states_of([STUDY])[STUDY]
    return " ".join(sentence.text for section in report.sections for sentence in section.sentences)


def test_late_slices_withdraw_all_that_the_partial_series_gave(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with ExitStack() as stack:
        archive = stack.enter_context(storescp(tmp_path))
        there = Destination("pacs", archive.ae_title, archive.host, archive.port)
        storage = stack.enter_context(
            storage_in(tmp_path, destinations=(there,), result_kinds=KINDS)
        )
        receive(storage, slices[:5])
        partial = analysed(storage)
        draft_due(storage, later(3600))
        assert "0.960" in report_text(storage) or "0.96" in report_text(storage)
        made = {one["sop_instance_uid"] for one in partial.result["instances"]}
        assert {one["kind"] for one in partial.result["instances"]} >= {"SEG", "SR", *KINDS}
        deliver_due(storage, utcnow(), "sender")
        receive(storage, slices[5:])

        assert withdraw_outdated(storage, utcnow()) == 1

        job = storage.jobs.get(partial.job_id)
        # A UPS never leaves COMPLETED; for people the job is superseded.
        assert (job.state, job.status) == ("COMPLETED", "SUPERSEDED")
        assert storage.findings.of_study(STUDY) == []
        assert storage.findings.counts([STUDY]) == {STUDY: 0}
        text = report_text(storage)
        assert "0.96" not in text
        assert "bright-region were withdrawn" in text
        note = note_in(storage)
        assert note.ConceptNameCodeSequence[0].CodeValue == "113037"
        assert rejected_by(note) == made
        assert complaints(save(note, tmp_path / "note.dcm")) == []
        # The archive has the results, and is told that they are rejected.
        deliver_due(storage, utcnow(), "sender")
        files = received_files(archive.folder)
        assert {str(one.SOPInstanceUID) for one in files} == made | {str(note.SOPInstanceUID)}
        # Again nothing more is done.
        assert withdraw_outdated(storage, later(1)) == 0

        complete = analysed(storage)
        (finding,) = storage.findings.of_study(STUDY)
        assert finding.job_id == complete.job_id
        draft_due(storage, later(3600))
        assert "withdrawn" not in report_text(storage)


def test_what_was_withdrawn_does_not_come_back_as_a_result(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        job = analysed(storage)
        made = [
            one for one in storage.index.instances_of(STUDY) if one.source == of_result(job.job_id)
        ]
        sent = {one.sop_instance_uid: storage.instances.read(one) for one in made}
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        storage.deletions.study(STUDY)
        for content in sent.values():
            storage.ingest.accept(content, "dimse:PACS")
        assert sent
        assert {storage.index.instance(uid).source for uid in sent} == {"dimse:PACS"}
        # The same content once more is the same job, whose results count again.
        storage.deletions.study(STUDY)
        receive(storage, slices[:5])
        again = analysed(storage)
        results = [
            one
            for one in storage.index.instances_of(STUDY)
            if one.source == of_result(again.job_id)
        ]
        sent = {one.sop_instance_uid: storage.instances.read(one) for one in results}
        storage.deletions.study(STUDY)
        for content in sent.values():
            storage.ingest.accept(content, "dimse:PACS")
        assert {storage.index.instance(uid).source for uid in sent} == {of_result(again.job_id)}


def test_no_reader_takes_a_rejection_note_back(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        analysed(storage)
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        note = note_in(storage)
        with pytest.raises(InvalidRequest, match="not a selection that was saved here"):
            save_key_images(
                storage,
                STUDY,
                [],
                Author("reader", is_person=True),
                title="OF_INTEREST",
                description="",
                predecessor_uid=str(note.SOPInstanceUID),
            )


def test_results_that_never_left_are_not_sent_any_more(tmp_path: Path) -> None:
    there = Destination("pacs", "NOBODY", "127.0.0.1", free_port())
    slices = mr_series("head", 8)
    with storage_in(tmp_path, destinations=(there,)) as storage:
        receive(storage, slices[:5])
        analysed(storage)
        assert len(storage.deliveries.of_study(STUDY)) == 2
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        # The archive never had any of it, so that there is nothing to reject there.
        assert storage.deliveries.of_study(STUDY) == []


def test_the_same_slices_again_withdraw_nothing(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices)
        job = analysed(storage)
        receive(storage, slices[:3])
        assert withdraw_outdated(storage, utcnow()) == 0
        assert storage.jobs.get(job.job_id).status == "COMPLETED"
        assert len(storage.findings.of_study(STUDY)) == 1


@pytest.mark.parametrize("claimed", [False, True])
def test_an_unfinished_job_is_superseded_not_failed(tmp_path: Path, claimed: bool) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
        job_id = decision.job_id or ""
        if claimed:
            assert storage.jobs.claim(job_id, "worker", 60, utcnow())
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        job = storage.jobs.get(job_id)
        assert (job.state, job.status) == ("CANCELED", "SUPERSEDED")
        assert "series has changed" in job.reason
        assert not storage.jobs.complete(job_id, "worker", {}, utcnow())
        assert storage.jobs.list(status="FAILED") == ([], 0)
        assert storage.jobs.list(status="SUPERSEDED")[1] == 1


def test_a_worker_that_notices_first_supersedes_its_job(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
        receive(storage, slices[5:])
        job = run_job(storage, decision.job_id or "", "worker", pipelines=[BrightRegion()])
        assert job is not None
        assert job.status == "SUPERSEDED"


def test_a_deleted_slice_withdraws_too_and_the_same_content_is_analysed_again(
    tmp_path: Path,
) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices)
        job = analysed(storage)
        last = pydicom.dcmread(BytesIO(slices[-1])).SOPInstanceUID
        storage.deletions.instance(last)
        withdraw_outdated(storage, utcnow())
        assert storage.findings.of_study(STUDY) == []
        shorter = analysed(storage)
        assert shorter.job_id != job.job_id
        receive(storage, slices[-1:])
        withdraw_outdated(storage, utcnow())
        again = analysed(storage)
        assert (again.job_id, again.status) == (job.job_id, "COMPLETED")
        (finding,) = storage.findings.of_study(STUDY)
        assert finding.job_id == job.job_id


def test_a_signed_report_stays_and_asks_for_attention(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        analysed(storage)
        draft_due(storage, later(3600))
        report = storage.reports.states_of([STUDY])[STUDY]
        storage.reports.move(report.report_id, report.version, "final", of_account("dr-jones"))
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        report = storage.reports.states_of([STUDY])[STUDY]
        assert report.state == "final"
        assert "were withdrawn" in report.attention
        assert report.is_superseded
        # Who has seen it and lets the text stand makes it no more current.
        there = storage.reports.dismiss(report.report_id, report.version, of_account("dr-jones"))
        assert (there.attention, there.is_superseded) == ("", True)
        amended = storage.reports.move(
            report.report_id, report.version, "amended", of_account("dr-jones"),
            sections=report.sections[:1], reason="More images.",
        )  # fmt: skip
        assert not amended.is_superseded


@pytest.mark.slow
def test_a_later_study_compares_with_what_counts_where_the_earlier_report_is_signed(
    tmp_path: Path,
) -> None:
    slices = mr_series("head", 8)
    later_uid = study_uid("later")
    reader = of_account("dr-jones")
    with storage_in(tmp_path) as storage:

        def text() -> str:
            # What the earlier one changes in the later is due in the next round.
            draft_due(storage, later(3600))
            draft_due(storage, later(3600))
            report = storage.reports.states_of([later_uid])[later_uid]
            sections = report.proposal or report.sections
            return " ".join(one.text for section in sections for one in section.sentences)

        receive(storage, slices[:5])
        analysed(storage)
        draft_due(storage, later(3600))
        report = storage.reports.states_of([STUDY])[STUDY]
        storage.reports.move(report.report_id, report.version, "final", reader)
        receive(storage, in_the_year("2025", mr_series("later", 8)))
        analysed(storage)
        assert "from 0.96" in text()
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        assert "0.96" not in text()
        analysed(storage)
        assert "0.96" not in text()
        # Another deletion; now the comparison has been signed as well.
        report = storage.reports.states_of([later_uid])[later_uid]
        assert "31 January 2024" in " ".join(one.text for one in report.sentences)
        storage.reports.move(report.report_id, report.version, "final", reader)
        storage.deletions.instance(pydicom.dcmread(BytesIO(slices[-1])).SOPInstanceUID)
        withdraw_outdated(storage, utcnow())
        assert storage.reports.states_of([later_uid])[later_uid].is_superseded


def in_the_year(year: str, slices: list[bytes]) -> list[bytes]:
    found = []
    for one in slices:
        dataset = pydicom.dcmread(BytesIO(one))
        dataset.StudyDate = year + dataset.StudyDate[4:]
        dataset.save_as(content := BytesIO(), enforce_file_format=True)
        found.append(content.getvalue())
    return found


def test_an_alert_is_closed_and_a_later_study_is_compared_no_more(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:5])
        job = analysed(storage)
        (finding,) = storage.findings.of_study(STUDY)
        assert storage.critical_alerts.rise(STUDY, finding.finding_id, "rule", "Critical.", 60)
        receive(storage, slices[5:])
        withdraw_outdated(storage, utcnow())
        (alert,), _ = storage.critical_alerts.list()
        assert (alert.state, alert.acknowledged_by) == ("ACKNOWLEDGED", "MediViewAI")
        assert "withdrawn" in alert.note
        # What it found stays readable under its job, for those who look for what was sent.
        assert [one.job_id for one in storage.findings.of_job(job.job_id)] == [job.job_id]
