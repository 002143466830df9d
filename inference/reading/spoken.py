"""Bring what people say of findings into the report: a new version once they have fallen silent."""

from datetime import datetime, timedelta

import structlog
from pydicom.dataset import Dataset

from inference.failures import place
from inference.reading.spoken_sr import speak
from inference.results.writing import part10
from storage.entities import Job
from storage.errors import NotFound
from storage.opening import Storage
from storage.spoken import ReportVersion

log = structlog.get_logger(__name__)

_REPORTS_PER_ROUND = 8


def write_spoken_reports(storage: Storage, now: datetime) -> int:
    """New versions of the reports whose findings somebody has spoken about; how many.

    Doing it again gives the same objects: a process may die between any two steps.
    """
    quiet = timedelta(seconds=storage.settings.feedback_quiet_s)
    written = 0
    for job_id, last in storage.spoken_reports.due(now - quiet, _REPORTS_PER_ROUND):
        try:
            written += _write(storage, storage.jobs.get(job_id), last, now)
        except Exception as error:  # noqa: BLE001 - the edge of a report: the others go on
            log.error(
                "spoken_report_failed",
                job_id=job_id,
                error=type(error).__name__,
                place=place(error),
            )
    return written


def newest_report(storage: Storage, job: Job) -> Dataset | None:
    """The SR of a job with the last word on its findings; None where it has none any more."""
    versions = storage.spoken_reports.versions(job.job_id)
    uids = [one.sop_instance_uid for one in reversed(versions)]
    for uid in (*uids, *_own(job)):
        try:
            return storage.instances.dataset(storage.index.instance(uid))
        except NotFound:
            continue
    return None


def _own(job: Job) -> list[str]:
    return [
        str(one["sop_instance_uid"])
        for one in job.result.get("instances", ())
        if one.get("kind") == "SR"
    ]


def _write(storage: Storage, job: Job, last: int, now: datetime) -> bool:
    findings = storage.findings.of_job(job.job_id)
    finding_ids = [one.finding_id for one in findings]
    report = _own_report(storage, job)
    predecessor = newest_report(storage, job)
    if report is None or predecessor is None:
        # Deleted, or the pipeline measures nothing: what was said stays in the ledger.
        storage.spoken_reports.done(finding_ids, last, None)
        return False
    said = storage.finding_feedback.of_findings(finding_ids, up_to=last)
    latest = max(word.said_at for words in said.values() for word in words)
    document = speak(report, predecessor, findings, said, latest, last)
    storage.ingest.accept(part10(document), source=f"reader:{job.job_id}", origin="generated")
    instance = storage.index.instance(str(document.SOPInstanceUID))
    for name in _destinations(storage, job):
        storage.deliveries.enqueue(name, [instance], job.job_id)
    version = ReportVersion(
        job.job_id, last, instance.series_instance_uid, instance.sop_instance_uid, now
    )
    storage.spoken_reports.done(finding_ids, last, version)
    log.info("spoken_report_written", job_id=job.job_id, sop_instance_uid=instance.sop_instance_uid)
    return True


def _own_report(storage: Storage, job: Job) -> Dataset | None:
    for uid in _own(job):
        try:
            return storage.instances.dataset(storage.index.instance(uid))
        except NotFound:
            continue
    return None


def _destinations(storage: Storage, job: Job) -> list[str]:
    """Where the report before went, the new one goes."""
    reports = set(_own(job))
    sent = storage.deliveries.of_study(job.study_instance_uid)
    return sorted({one.destination for one in sent if one.sop_instance_uid in reports})
