"""The result that a new one takes the place of."""

from pydicom.dataset import Dataset

from inference.annotations.report_versions import newest_report
from inference.result_identity import REPORT_KINDS, ResultKindName
from storage.core.entities import Job
from storage.findings.feedback_reports import FeedbackReports
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs


def predecessor_reports(
    generated: GeneratedInstances,
    instances: InstanceReader,
    job_repository: Jobs,
    feedback_reports: FeedbackReports,
    job: Job,
) -> dict[ResultKindName, Dataset]:
    """The newest reports that the same pipeline made of the same series from other input.

    By their kind; empty where this is the first result, or the earlier ones were deleted.
    """
    earlier = [
        one
        for one in job_repository.of_studies([job.study_instance_uid])[job.study_instance_uid]
        if one.has_completed
        and one.series_instance_uid == job.series_instance_uid
        and one.pipeline == job.pipeline
        and one.job_id != job.job_id
        and one.created_at < job.created_at
    ]
    found: dict[ResultKindName, Dataset] = {}
    for one in earlier:
        for kind in REPORT_KINDS:
            # With the feedback on it, so that no version is passed over.
            report = (
                None
                if kind in found
                else newest_report(generated, instances, feedback_reports, one, kind)
            )
            if report is not None:
                found[kind] = report
    return found
