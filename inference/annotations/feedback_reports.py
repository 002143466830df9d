"""New versions of reports with the feedback on their findings, once no more comes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.annotations.feedback_documents import (
    FeedbackDocumentStorage,
    destinations_after,
    follow_feedback,
    of_kind,
)
from inference.annotations.feedback_sr import feedback_report_uid, speak, still_outdated
from inference.failures import place
from inference.findings.derived import void_findings
from inference.result_identity import REPORT_KINDS, ResultKindName
from inference.results.file_writing import part10
from storage.container.has import HasFindingFeedback, HasPatientStudies
from storage.core.entities import Instance, Job
from storage.core.errors import NotFound
from storage.core.findings import Feedback, Finding
from storage.core.sources import of_reader
from storage.core.uids import UidScheme
from storage.findings.feedback_reports import FeedbackReports, ReportVersion
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)

_REPORTS_PER_ROUND = 8


Compare = Callable[[str], object]
"""Compares the findings of a study again, by what counts now (`inference.prior_comparison`)."""


def _as_stored(_study_instance_uid: str) -> None:
    """For callers without earlier studies."""


class FeedbackStorage(HasFindingFeedback, HasPatientStudies, FeedbackDocumentStorage, Protocol):
    """What of the storage layer feedback is written into reports with."""


def write_feedback_reports(
    storage: FeedbackStorage, now: datetime, compare_again: Compare = _as_stored
) -> int:
    """New versions of the reports on whose findings there is new feedback; how many.

    Doing it again gives the same objects: a process may die between any two steps.
    """
    quiet = timedelta(seconds=storage.settings.feedback_quiet_s)
    written = 0
    for job_id, last in storage.feedback_reports.due(quiet, now, _REPORTS_PER_ROUND):
        try:
            written += _write(storage, storage.jobs.get(job_id), last, now, compare_again)
        except Exception as error:  # noqa: BLE001 - the edge of a report: the others go on
            log.error(
                "feedback_report_failed",
                job_id=job_id,
                error=type(error).__name__,
                place=place(error),
            )
    return written


def newest_report(
    generated: GeneratedInstances,
    instances: InstanceReader,
    feedback_reports: FeedbackReports,
    job: Job,
    kind: ResultKindName = "SR",
) -> Dataset | None:
    """The report of a job with the last word on its findings; None where it has none any more."""
    for uid in (
        *reversed(report_versions(generated, feedback_reports, job, kind)),
        *of_kind(job, kind),
    ):
        try:
            return instances.dataset(generated.instance(uid))
        except NotFound:
            continue
    return None


def report_versions(
    generated: GeneratedInstances, feedback_reports: FeedbackReports, job: Job, kind: ResultKindName
) -> list[str]:
    """The versions with feedback, oldest first.

    The ledger names those of SR; the other report has one of each as well, whose UID follows.
    """
    versions = feedback_reports.versions(job.job_id)
    if kind == "SR":
        return [one.sop_instance_uid for one in versions]
    uids: list[str] = []
    for own in of_kind(job, kind):
        for version in versions:
            before = uids[-1] if uids else own
            uids.append(_next_uid(generated, before, version.feedback_id)[0])
    return uids


def _next_uid(
    generated: GeneratedInstances, predecessor_uid: str, last_word: int
) -> tuple[str, UidScheme]:
    scheme = generated.scheme(lambda one: [feedback_report_uid(predecessor_uid, last_word, one)])
    return feedback_report_uid(predecessor_uid, last_word, scheme), scheme


def _write(
    storage: FeedbackStorage, job: Job, last: int, now: datetime, compare_again: Compare
) -> bool:
    """The job's own, those of jobs that took its results and hold other values by them now, and
    those of later studies that were compared with what counts no more."""
    if not job.has_results:
        # Withdrawn meanwhile: a version would stand at archives after the note that rejects it.
        own = [one.finding_id for one in storage.findings.of_job(job.job_id)]
        storage.feedback_reports.done(own, last, None)
        return False
    written = False
    # First: once the feedback counts as reported, nobody comes back to them.
    for job_id in storage.jobs.jobs_that_took(job.job_id):
        other = storage.jobs.get(job_id)
        if other.has_results and _has_changed(storage, other, last):
            written |= _write_of_job(storage, other, last, now)
    written |= _write_later(storage, job, last, now, compare_again)
    # A word on an earlier study may have come just before.
    compare_again(job.study_instance_uid)
    return _write_of_job(storage, job, last, now) or written


def _write_later(
    storage: FeedbackStorage, job: Job, last: int, now: datetime, compare_again: Compare
) -> bool:
    at = stated_up_to(storage, job, last).at
    written = False
    for study in storage.patient_studies.after(job.study_instance_uid):
        compare_again(study)
        for other in storage.jobs.of_studies([study])[study]:
            if other.has_results and _is_compared_otherwise(storage, other, last):
                written |= _write_of_job(storage, other, last, now, at)
    return written


def _is_compared_otherwise(storage: FeedbackStorage, job: Job, last: int) -> bool:
    """Whether the last version of its report states changes that hold no more."""
    newest = newest_report(storage.generated, storage.instances, storage.feedback_reports, job)
    if newest is None:
        return False
    stated = stated_up_to(storage, job, last)
    return bool(still_outdated(newest, stated.findings, stated.feedback, stated.void))


@dataclass(frozen=True)
class Stated:
    """What readers stated of a job's findings up to a word, and what counts no more by that."""

    findings: Sequence[Finding]
    feedback: Mapping[str, Sequence[Feedback]]
    void: frozenset[str]
    at: datetime | None
    """Of the last word, also on results that the job took."""


def stated_up_to(storage: FeedbackStorage, job: Job, last: int) -> Stated:
    findings = storage.findings.of_job(job.job_id)
    taken = storage.findings.results_taken_by({job.job_id})
    beside = [
        one
        for job_id in sorted(taken.get(job.job_id, ()))
        for one in storage.findings.of_job(job_id)
    ]
    own = {one.finding_id for one in findings}
    both = [*findings, *beside]
    feedback = storage.finding_feedback.of_findings([one.finding_id for one in both], up_to=last)
    times = [word.given_at for words in feedback.values() for word in words]
    return Stated(
        findings,
        {finding_id: words for finding_id, words in feedback.items() if finding_id in own},
        void_findings(both, feedback, taken) & own,
        max(times, default=None),
    )


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
    storage: FeedbackStorage, job: Job, last: int, now: datetime, at: datetime | None = None
) -> bool:
    """`at`: when the last word on an earlier study was given, which its comparisons rest on."""
    versions = storage.feedback_reports.versions(job.job_id)
    if versions and versions[-1].feedback_id >= last:
        # By a word on results that it took: one up to an earlier word would follow it.
        own = [one.finding_id for one in storage.findings.of_job(job.job_id)]
        storage.feedback_reports.done(own, last, None)
        return False
    stated = stated_up_to(storage, job, last)
    if at is not None:
        stated = replace(stated, at=at if stated.at is None else max(at, stated.at))
    # By what the job made, as each version is.
    as_made = _own_report(storage.generated, storage.instances, job, "SR")
    outdated = (
        still_outdated(as_made, stated.findings, stated.feedback, stated.void)
        if as_made is not None
        else []
    )
    written = [
        instance
        for kind in REPORT_KINDS
        if (instance := _write_one(storage, job, kind, stated, last)) is not None
    ]
    if stated.at is not None:
        follow_feedback(
            storage, job, stated.findings, stated.feedback, stated.void, last, stated.at, outdated
        )
    # None: deleted, or never made. Feedback stays in the ledger.
    version = (
        ReportVersion(
            job.job_id, last, written[0].series_instance_uid, written[0].sop_instance_uid, now
        )
        if written
        else None
    )
    finding_ids = [one.finding_id for one in stated.findings]
    storage.feedback_reports.done(finding_ids, last, version)
    return bool(written)


def _write_one(
    storage: FeedbackStorage, job: Job, kind: ResultKindName, stated: Stated, last: int
) -> Instance | None:
    report = _own_report(storage.generated, storage.instances, job, kind)
    predecessor = newest_report(
        storage.generated, storage.instances, storage.feedback_reports, job, kind
    )
    if report is None or predecessor is None or stated.at is None:
        return None
    uid, uids = _next_uid(storage.generated, str(predecessor.SOPInstanceUID), last)
    document = speak(
        report, predecessor, stated.findings, stated.feedback, stated.at, last, uids, stated.void
    )
    instance, _ = storage.generated.store(part10(document), uid, of_reader(job.job_id))
    for name, state in destinations_after(storage.deliveries, job, of_kind(job, kind)).items():
        storage.deliveries.enqueue(name, [instance], job.job_id, state=state)
    log.info(
        "feedback_report_written", job_id=job.job_id, sop_instance_uid=instance.sop_instance_uid
    )
    return instance


def _own_report(
    generated: GeneratedInstances, instances: InstanceReader, job: Job, kind: ResultKindName
) -> Dataset | None:
    for uid in of_kind(job, kind):
        try:
            return instances.dataset(generated.instance(uid))
        except NotFound:
            continue
    return None
