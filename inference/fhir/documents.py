"""Which documents an instance that is delivered to a FHIR server stands for.

The objects of a job stand for the job's result, those of a report for that version of it, received
images for their study.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from storage.container.has import (
    HasDeliveries,
    HasEngine,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasReports,
    HasSettings,
)
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, NotFound
from storage.core.sources import REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE, is_own
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.reports.entities import SIGNED_STATES, Report
from storage.reports.repository import Reports

_OF_JOBS = ("result", "reader", "rejection")


@dataclass(frozen=True)
class Document:
    """`key`: the job's id, the number of the report's version, or the StudyInstanceUID.

    `is_withdrawn`: of an unsigned report that was withdrawn with what it rests on.
    """

    kind: Literal["result", "report", "study"]
    key: str
    study_instance_uid: str
    is_withdrawn: bool = False


class DocumentStorage(
    HasSettings,
    HasEngine,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasReports,
    HasDeliveries,
    Protocol,
):
    """What of the storage layer is read to write documents to a FHIR server."""


def documents_of(storage: DocumentStorage, instance: Instance, destination: str) -> list[Document]:
    """What the instance stands for, as far as nothing newer of it has left for the destination.

    Raises InvalidRequest for an object that FHIR has no resource for.
    """
    document = _document_of(storage.instances, storage.jobs, instance)
    if document.kind == "report":
        newest = _newest_sent(storage, document.study_instance_uid, destination)
        is_older = newest is not None and newest[0] > int(document.key)
        return [] if is_older else [document]
    # Of a job that stands, results of other kinds were withdrawn after feedback.
    if not is_withdrawal(instance) or not _is_superseded(storage.jobs, instance):
        return [document]
    newest = _newest_sent(storage, document.study_instance_uid, destination)
    if newest is None or newest[1] > instance.received_at:
        return [document]
    number = newest[0]
    report = report_of_study(storage.reports, document.study_instance_uid)
    if storage.reports.version(report.report_id, number).state in SIGNED_STATES:
        # A person's word is not taken back by the node; a notice about it follows by itself.
        return [document]
    withdrawn = replace(document, kind="report", key=str(number), is_withdrawn=True)
    return [document, withdrawn]


def is_withdrawal(instance: Instance) -> bool:
    """Whether it is the note that rejects what a job made."""
    return instance.source.startswith("rejection:")


def _is_superseded(jobs: Jobs, note: Instance) -> bool:
    try:
        return jobs.get(note.source.partition(":")[2]).status == "SUPERSEDED"
    except NotFound:
        return True


def _document_of(instances: InstanceReader, jobs: Jobs, instance: Instance) -> Document:
    study = instance.study_instance_uid
    if not is_own(instance.source):
        return Document("study", study, study)
    if instance.source in (REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE):
        header = instances.header(instance)
        # Both forms of a version bear its number (`inference.reports.export`).
        return Document("report", str(int(header.InstanceNumber)), study)
    kind, _, job_id = instance.source.partition(":")
    if kind in _OF_JOBS:
        try:
            return Document("result", jobs.get(job_id).job_id, study)
        except NotFound:
            pass
    raise InvalidRequest(
        "What a person has drawn or measured has no resource of FHIR here, and is not written.",
        remedy="Send it to a DICOM destination.",
    )


def report_of_study(reports: Reports, study_instance_uid: str) -> Report:
    found = [one for one in reports.of_study(study_instance_uid) if not one.job_id]
    if not found:
        raise NotFound("The report is gone.", remedy="Cancel the delivery.")
    return found[0]


def _newest_sent(
    storage: DocumentStorage, study_instance_uid: str, destination: str
) -> tuple[int, datetime] | None:
    """The newest version of the report that the destination has, and when its object was made."""
    instances = {
        one.sop_instance_uid: one
        for one in storage.index.instances_of(study_instance_uid)
        if one.source == REPORT_SOURCE
    }
    found = [
        (
            int(_document_of(storage.instances, storage.jobs, instances[one.sop_instance_uid]).key),
            one.created_at,
        )
        for one in storage.deliveries.of_study(study_instance_uid)
        if one.destination == destination
        and one.sent_at is not None
        and one.sop_instance_uid in instances
    ]
    return max(found, default=None)
