"""The versions of a job's report, and what readers had stated when each was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydicom.dataset import Dataset

from inference.annotations.feedback_documents import FeedbackDocumentStorage, of_kind
from inference.annotations.feedback_sr import feedback_report_uid
from inference.findings.derived import void_findings
from inference.result_identity import ResultKindName
from storage.container.has import HasFindingFeedback, HasPatientStudies
from storage.core.entities import Job
from storage.core.errors import NotFound
from storage.core.findings import Feedback, Finding
from storage.core.uids import UidScheme
from storage.findings.feedback_reports import FeedbackReports, VersionNumber
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader


class FeedbackStorage(FeedbackDocumentStorage, HasFindingFeedback, HasPatientStudies, Protocol):
    """What of the storage layer feedback is written into reports with."""


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
            uids.append(next_uid(generated, before, version.number)[0])
    return uids


def next_uid(
    generated: GeneratedInstances, predecessor_uid: str, number: VersionNumber
) -> tuple[str, UidScheme]:
    scheme = generated.scheme(lambda one: [feedback_report_uid(predecessor_uid, number, one)])
    return feedback_report_uid(predecessor_uid, number, scheme), scheme


def own_report(
    generated: GeneratedInstances, instances: InstanceReader, job: Job, kind: ResultKindName
) -> Dataset | None:
    for uid in of_kind(job, kind):
        try:
            return instances.dataset(generated.instance(uid))
        except NotFound:
            continue
    return None


@dataclass(frozen=True)
class Stated:
    """What readers stated of a job's findings up to a word, and what counts no more by that."""

    findings: Sequence[Finding]
    feedback: Mapping[str, Sequence[Feedback]]
    void: frozenset[str]
    at: datetime | None
    """Of the last word, also on results that the job took."""
    others: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    """By id: findings as they compare with others than the newest earlier study."""


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
