"""The result that a new one takes the place of."""

from pydicom.dataset import Dataset

from inference.reading.spoken import newest_report
from storage.entities import Job
from storage.opening import Storage


def predecessor_report(storage: Storage, job: Job) -> Dataset | None:
    """The newest SR that the same pipeline made of the same series from other input.

    None where this is the first result, or the earlier one was deleted.
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
    for one in sorted(earlier, key=lambda other: other.created_at, reverse=True):
        # With what people said of it, so that no version is passed over.
        report = newest_report(storage, one)
        if report is not None:
            return report
    return None
