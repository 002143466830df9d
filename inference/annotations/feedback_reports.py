"""New versions of reports with the feedback on their findings, once no more comes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.annotations.feedback_sr import feedback_report_uid, speak
from inference.failures import place
from inference.findings.derived import void_findings
from inference.result_identity import REPORT_KINDS, ResultKindName
from inference.results.file_writing import part10
from storage.container.has import (
    HasDeliveries,
    HasFeedbackReports,
    HasFindingFeedback,
    HasFindings,
    HasGenerated,
    HasInstances,
    HasJobs,
    HasSettings,
)
from storage.core.entities import DeliveryState, Instance, Job
from storage.core.errors import NotFound
from storage.core.findings import Feedback, Finding
from storage.core.sources import of_reader
from storage.core.uids import UidScheme
from storage.deliveries.repository import Deliveries, UnsentState
from storage.findings.feedback_reports import FeedbackReports, ReportVersion
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)

_REPORTS_PER_ROUND = 8


class FeedbackStorage(
    HasSettings,
    HasInstances,
    HasGenerated,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasFeedbackReports,
    HasDeliveries,
    Protocol,
):
    """What of the storage layer feedback is written into reports with."""


def write_feedback_reports(storage: FeedbackStorage, now: datetime) -> int:
    """New versions of the reports on whose findings there is new feedback; how many.

    Doing it again gives the same objects: a process may die between any two steps.
    """
    quiet = timedelta(seconds=storage.settings.feedback_quiet_s)
    written = 0
    for job_id, last in storage.feedback_reports.due(quiet, now, _REPORTS_PER_ROUND):
        try:
            written += _write(storage, storage.jobs.get(job_id), last, now)
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
        *reversed(_feedback_versions(generated, feedback_reports, job, kind)),
        *_own(job, kind),
    ):
        try:
            return instances.dataset(generated.instance(uid))
        except NotFound:
            continue
    return None


def _feedback_versions(
    generated: GeneratedInstances, feedback_reports: FeedbackReports, job: Job, kind: ResultKindName
) -> list[str]:
    """The versions with feedback, oldest first.

    The ledger names those of SR; the other report has one of each as well, whose UID follows.
    """
    versions = feedback_reports.versions(job.job_id)
    if kind == "SR":
        return [one.sop_instance_uid for one in versions]
    uids: list[str] = []
    for own in _own(job, kind):
        for version in versions:
            before = uids[-1] if uids else own
            uids.append(_next_uid(generated, before, version.feedback_id)[0])
    return uids


def _next_uid(
    generated: GeneratedInstances, predecessor_uid: str, last_word: int
) -> tuple[str, UidScheme]:
    scheme = generated.scheme(lambda one: [feedback_report_uid(predecessor_uid, last_word, one)])
    return feedback_report_uid(predecessor_uid, last_word, scheme), scheme


def _write(storage: FeedbackStorage, job: Job, last: int, now: datetime) -> bool:
    findings = storage.findings.of_job(job.job_id)
    finding_ids = [one.finding_id for one in findings]
    feedback = storage.finding_feedback.of_findings(finding_ids, up_to=last)
    void = void_findings(findings, feedback)
    written = [
        instance
        for kind in REPORT_KINDS
        if (instance := _write_one(storage, job, kind, findings, feedback, void, last)) is not None
    ]
    # None: deleted, or never made. Feedback stays in the ledger.
    version = (
        ReportVersion(
            job.job_id, last, written[0].series_instance_uid, written[0].sop_instance_uid, now
        )
        if written
        else None
    )
    storage.feedback_reports.done(finding_ids, last, version)
    return bool(written)


def _write_one(
    storage: FeedbackStorage,
    job: Job,
    kind: ResultKindName,
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    void: Collection[str],
    last: int,
) -> Instance | None:
    report = _own_report(storage.generated, storage.instances, job, kind)
    predecessor = newest_report(
        storage.generated, storage.instances, storage.feedback_reports, job, kind
    )
    if report is None or predecessor is None:
        return None
    latest = max(word.given_at for words in feedback.values() for word in words)
    uid, uids = _next_uid(storage.generated, str(predecessor.SOPInstanceUID), last)
    document = speak(report, predecessor, findings, feedback, latest, last, uids, void)
    instance, _ = storage.generated.store(part10(document), uid, of_reader(job.job_id))
    for name, state in _destinations(storage.deliveries, job, kind).items():
        storage.deliveries.enqueue(name, [instance], job.job_id, state=state)
    log.info(
        "feedback_report_written", job_id=job.job_id, sop_instance_uid=instance.sop_instance_uid
    )
    return instance


def _own(job: Job, kind: ResultKindName) -> list[str]:
    return [
        str(one["sop_instance_uid"])
        for one in job.result.get("instances", ())
        if one.get("kind") == kind
    ]


def _own_report(
    generated: GeneratedInstances, instances: InstanceReader, job: Job, kind: ResultKindName
) -> Dataset | None:
    for uid in _own(job, kind):
        try:
            return instances.dataset(generated.instance(uid))
        except NotFound:
            continue
    return None


def _destinations(deliveries: Deliveries, job: Job, kind: ResultKindName) -> dict[str, UnsentState]:
    """Where the report before went, the new one goes; where that waits, the new one waits."""
    reports = set(_own(job, kind))
    sent = deliveries.of_study(job.study_instance_uid)
    return {
        one.destination: _state_after(one.state)
        for one in sent
        if one.sop_instance_uid in reports and one.state != "CANCELLED"
    }


def _state_after(predecessor: DeliveryState) -> UnsentState:
    match predecessor:
        case "AWAITING_RELEASE" | "WITHHELD":
            return predecessor
        case _:
            return "PENDING"
