"""New versions of reports with the feedback on their findings, once no more comes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.annotations.feedback_documents import (
    destinations_after,
    follow_feedback,
    is_touched,
    of_kind,
)
from inference.annotations.feedback_sr import speak, still_outdated
from inference.annotations.outdated_comparisons import days_stated, left_out
from inference.annotations.report_versions import (
    FeedbackStorage,
    Stated,
    newest_report,
    next_uid,
    own_report,
    stated_up_to,
)
from inference.failures import place
from inference.result_identity import REPORT_KINDS, ResultKindName
from inference.results.file_writing import part10
from storage.core.entities import Instance, Job
from storage.core.findings import Finding
from storage.core.sources import of_reader
from storage.findings.feedback_reports import ReportVersion, VersionNumber

log = structlog.get_logger(__name__)

_REPORTS_PER_ROUND = 8


class Comparisons(Protocol):
    """Findings beside those of earlier studies, by what counts now
    (`inference.prior_comparison`)."""

    def revise(self, study_instance_uid: str) -> object:
        """Compare the findings of a study again, and store what came of it."""

    def as_of(self, job: Job, study_date: str) -> Sequence[Finding]:
        """A job's findings compared with no study after a day (DA)."""


class AsStored:
    """For callers without earlier studies."""

    def revise(self, study_instance_uid: str) -> object:
        return None

    def as_of(self, job: Job, study_date: str) -> Sequence[Finding]:
        return ()


_AS_STORED = AsStored()


def write_feedback_reports(
    storage: FeedbackStorage, now: datetime, comparisons: Comparisons = _AS_STORED
) -> int:
    """New versions of the reports on whose findings there is new feedback; how many.

    Doing it again gives the same objects: a process may die between any two steps.
    """
    quiet = timedelta(seconds=storage.settings.feedback_quiet_s)
    written = 0
    for job_id, last in storage.feedback_reports.due(quiet, now, _REPORTS_PER_ROUND):
        try:
            written += _write(storage, storage.jobs.get(job_id), last, now, comparisons)
        except Exception as error:  # noqa: BLE001 - the edge of a report: the others go on
            log.error(
                "feedback_report_failed",
                job_id=job_id,
                error=type(error).__name__,
                place=place(error),
            )
    return written


def renew_comparisons(
    storage: FeedbackStorage,
    study_instance_uid: str,
    at: datetime,
    now: datetime,
    comparisons: Comparisons,
) -> int:
    """New versions of the reports of a study that state other comparisons with earlier studies than
    hold now, since one of those was moved, deleted, rejected or corrected; how many.

    `at`: when that was. Doing it again gives the same objects. While a reader gives feedback on an
    earlier study or this one, what follows that is awaited.
    """
    comparisons.revise(study_instance_uid)
    before = storage.patient_studies.before(study_instance_uid)
    if storage.feedback_reports.are_pending([study_instance_uid, *before]):
        return 0
    written = 0
    for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]:
        versions = storage.feedback_reports.versions(job.job_id)
        last = versions[-1].number if versions else VersionNumber(0, -1)
        if job.has_results and _is_compared_otherwise(storage, job, last.feedback_id, comparisons):
            number = VersionNumber(last.feedback_id, last.revision + 1)
            written += _write_of_job(storage, job, number, now, comparisons, at)
    return written


def _write(
    storage: FeedbackStorage, job: Job, last: int, now: datetime, comparisons: Comparisons
) -> bool:
    """The job's own, those of jobs that took its results and hold other values by them now, and
    those of later studies that were compared with what counts no more."""
    if not job.has_results:
        # Withdrawn meanwhile: a version would stand at archives after the note that rejects it.
        own = [one.finding_id for one in storage.findings.of_job(job.job_id)]
        storage.feedback_reports.done(own, last, None)
        return False
    number = VersionNumber(last)
    written = False
    # First: once the feedback counts as reported, nobody comes back to them.
    for job_id in storage.jobs.jobs_that_took(job.job_id):
        other = storage.jobs.get(job_id)
        if other.has_results and _has_changed(storage, other, last):
            written |= _write_of_job(storage, other, number, now, comparisons)
    written |= _write_later(storage, job, number, now, comparisons)
    # A word on an earlier study may have come just before.
    comparisons.revise(job.study_instance_uid)
    return _write_of_job(storage, job, number, now, comparisons) or written


def _write_later(
    storage: FeedbackStorage,
    job: Job,
    number: VersionNumber,
    now: datetime,
    comparisons: Comparisons,
) -> bool:
    at = stated_up_to(storage, job, number.feedback_id).at
    written = False
    for study in storage.patient_studies.after(job.study_instance_uid):
        comparisons.revise(study)
        for other in storage.jobs.of_studies([study])[study]:
            if other.has_results and _is_compared_otherwise(
                storage, other, number.feedback_id, comparisons
            ):
                written |= _write_of_job(storage, other, number, now, comparisons, at)
    return written


def _is_compared_otherwise(
    storage: FeedbackStorage, job: Job, last: int, comparisons: Comparisons
) -> bool:
    """Whether the last version of its report leaves out other comparisons than those that hold no
    more."""
    as_made = own_report(storage.generated, storage.instances, job, "SR")
    newest = newest_report(storage.generated, storage.instances, storage.feedback_reports, job)
    if as_made is None or newest is None:
        return False
    stated = _compared_with_others(job, stated_up_to(storage, job, last), as_made, comparisons)
    counting = [
        one
        for one in stated.findings
        if one.finding_id not in stated.void and not is_touched(stated.feedback, one)
    ]
    outdated = still_outdated(as_made, stated.findings, stated.feedback, stated.void, stated.others)
    return outdated != left_out(as_made, newest, counting)


def _compared_with_others(
    job: Job, stated: Stated, as_made: Dataset, comparisons: Comparisons
) -> Stated:
    """With the findings as they compare with the earlier studies that the report names, where these
    are not the newest any more."""
    days = {
        day
        for one in stated.findings
        for day in days_stated(as_made, one)
        if one.prior is None or one.prior.study_date.replace(".", "") != day
    }
    others: dict[str, list[Finding]] = {}
    for day in sorted(days):
        for one in comparisons.as_of(job, day):
            others.setdefault(one.finding_id, []).append(one)
    return replace(stated, others=others)


def _has_changed(storage: FeedbackStorage, job: Job, last: int) -> bool:
    """Whether other values are left out than in the last version of its report.

    A version up to a later word has what was stated before of results that the job took.
    """
    versions = storage.feedback_reports.versions(job.job_id)
    if versions and versions[-1].feedback_id >= last:
        return False
    before = stated_up_to(storage, job, versions[-1].feedback_id).void if versions else frozenset()
    return stated_up_to(storage, job, last).void != before


def _write_of_job(
    storage: FeedbackStorage,
    job: Job,
    number: VersionNumber,
    now: datetime,
    comparisons: Comparisons,
    at: datetime | None = None,
) -> bool:
    """`at`: since when its comparisons rest on something else, as a word on an earlier study."""
    versions = storage.feedback_reports.versions(job.job_id)
    if versions and versions[-1].number >= number:
        # By a word on results that it took: one up to an earlier word would follow it.
        own = [one.finding_id for one in storage.findings.of_job(job.job_id)]
        storage.feedback_reports.done(own, number.feedback_id, None)
        return False
    stated = stated_up_to(storage, job, number.feedback_id)
    if at is not None:
        stated = replace(stated, at=at if stated.at is None else max(at, stated.at))
    # By what the job made, as each version is.
    as_made = own_report(storage.generated, storage.instances, job, "SR")
    outdated: list[Finding] = []
    if as_made is not None:
        stated = _compared_with_others(job, stated, as_made, comparisons)
        outdated = still_outdated(
            as_made, stated.findings, stated.feedback, stated.void, stated.others
        )
    written = [
        instance
        for kind in REPORT_KINDS
        if (instance := _write_one(storage, job, kind, stated, number)) is not None
    ]
    if stated.at is not None:
        follow_feedback(
            storage, job, stated.findings, stated.feedback, stated.void, number, stated.at, outdated
        )
    # None: deleted, or never made. Feedback stays in the ledger.
    version = (
        ReportVersion(
            job_id=job.job_id,
            feedback_id=number.feedback_id,
            series_instance_uid=written[0].series_instance_uid,
            sop_instance_uid=written[0].sop_instance_uid,
            created_at=now,
            revision=number.revision,
        )
        if written
        else None
    )
    finding_ids = [one.finding_id for one in stated.findings]
    storage.feedback_reports.done(finding_ids, number.feedback_id, version)
    return bool(written)


def _write_one(
    storage: FeedbackStorage,
    job: Job,
    kind: ResultKindName,
    stated: Stated,
    number: VersionNumber,
) -> Instance | None:
    report = own_report(storage.generated, storage.instances, job, kind)
    predecessor = newest_report(
        storage.generated, storage.instances, storage.feedback_reports, job, kind
    )
    if report is None or predecessor is None or stated.at is None:
        return None
    uid, uids = next_uid(storage.generated, str(predecessor.SOPInstanceUID), number)
    document = speak(
        report,
        predecessor,
        stated.findings,
        stated.feedback,
        stated.at,
        number,
        uids,
        stated.void,
        stated.others,
    )
    instance, _ = storage.generated.store(part10(document), uid, of_reader(job.job_id))
    for name, state in destinations_after(storage.deliveries, job, of_kind(job, kind)).items():
        storage.deliveries.enqueue(name, [instance], job.job_id, state=state)
    log.info(
        "feedback_report_written", job_id=job.job_id, sop_instance_uid=instance.sop_instance_uid
    )
    return instance
