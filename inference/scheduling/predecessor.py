"""The result that a new one takes the place of."""

from pydicom.dataset import Dataset

from inference.annotations.feedback_reports import newest_report
from inference.results.identity import REPORT_KINDS, ResultKind
from storage.container import Storage
from storage.core.entities import Job


def predecessor_reports(storage: Storage, job: Job) -> dict[ResultKind, Dataset]:
    """The newest reports that the same pipeline made of the same series from other input.

    By their kind; empty where this is the first result, or the earlier ones were deleted.
    """
    jobs, _ = storage.jobs.list(study_instance_uid=job.study_instance_uid, state="COMPLETED")
    earlier = [
        one
        for one in jobs
        if one.series_instance_uid == job.series_instance_uid
        and one.pipeline == job.pipeline
        and one.job_id != job.job_id
        and one.created_at < job.created_at
    ]
    found: dict[ResultKind, Dataset] = {}
    for one in sorted(earlier, key=lambda other: other.created_at, reverse=True):
        for kind in REPORT_KINDS:
            # With what people said of it, so that no version is passed over.
            report = None if kind in found else newest_report(storage, one, kind)
            if report is not None:
                found[kind] = report
    return found
