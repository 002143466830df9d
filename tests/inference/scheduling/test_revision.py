"""A late instance gives one revised result that names the one it replaces."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import complaints, save
from tests.inference.small import BrightRegion, mr_series, study_uid


def run(storage: Storage) -> Job:
    pipeline = BrightRegion()
    (decision,) = complete_and_schedule(storage, later(10), [pipeline])
    job = run_job(storage, decision.job_id or "", "worker", pipelines=[pipeline])
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def report_of(storage: Storage, job: Job) -> pydicom.Dataset:
    (uid,) = [one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == "SR"]
    return pydicom.dcmread(BytesIO(storage.instances.read(storage.index.instance(uid))))


@pytest.mark.parametrize("runs_again", [False, True], ids=["done", "waits to run again"])
def test_a_late_slice_gives_a_revision_that_names_its_predecessor(
    tmp_path: Path, runs_again: bool
) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:7])
        first = run(storage)
        if runs_again:
            assert storage.jobs.retry(first.job_id, utcnow(), force=True)
        receive(storage, slices[7:])
        second = run(storage)
        old, new = report_of(storage, first), report_of(storage, second)
        assert "PredecessorDocumentsSequence" not in old
        (study,) = new.PredecessorDocumentsSequence
        (series,) = study.ReferencedSeriesSequence
        (reference,) = series.ReferencedSOPSequence
        assert reference.ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert series.SeriesInstanceUID == old.SeriesInstanceUID
        assert complaints(save(new, tmp_path / "new.dcm")) == []


def test_only_the_revised_findings_count(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:7])
        first = run(storage)
        receive(storage, slices[7:])
        second = run(storage)
        (finding,) = storage.findings.of_study(study_uid("head"))
        assert finding.job_id == second.job_id
        assert storage.findings.counts([study_uid("head")]) == {study_uid("head"): 1}
        # Nothing of the earlier result is lost.
        (earlier,) = storage.findings.of_job(first.job_id)
        assert earlier.tracking_uid == finding.tracking_uid
        assert earlier.value != finding.value


def test_a_predecessor_that_was_deleted_is_not_named(tmp_path: Path) -> None:
    slices = mr_series("head", 8)
    with storage_in(tmp_path) as storage:
        receive(storage, slices[:7])
        old = report_of(storage, run(storage))
        storage.deletions.series(study_uid("head"), str(old.SeriesInstanceUID))
        receive(storage, slices[7:])
        assert "PredecessorDocumentsSequence" not in report_of(storage, run(storage))
