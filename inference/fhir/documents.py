"""What is written to a FHIR server for an instance that is delivered to it.

An instance stands for a document: the objects of a job for the job's result, those of a report for
that version of it, received images for their study. The transaction is made of how that stands
when it is sent, not of how it stood when the instance was made: a retry writes no older word, and
feedback and withdrawals, whose objects follow in the outbox, change what is there.
"""

from base64 import b64encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from inference.fhir.device import node_device, pipeline_device
from inference.fhir.diagnostic_report import REPORT_IDENTIFIERS, diagnostic_report
from inference.fhir.imaging_selection import SELECTION_IDENTIFIERS, selection_id, selections
from inference.fhir.imaging_study import imaging_study
from inference.fhir.observation import FINDING_IDENTIFIERS, observation
from inference.fhir.resources import DiagnosticReport, Observation
from inference.fhir.result_report import RESULT_IDENTIFIERS, result_report
from inference.fhir.transaction import Transaction
from inference.fhir.types import DICOM_UID, OWN, Attachment, Identifier, Reference
from inference.findings.derived import void_among
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
from storage.core.entities import Instance, Study
from storage.core.errors import InvalidRequest, NotFound
from storage.core.sources import REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE, is_own
from storage.findings.conditions import finding_id_in
from storage.findings.search import Found, find_findings
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.reports.entities import SIGNED_STATES, Report
from storage.reports.repository import Reports
from storage.settings import Settings

VERSION_IDENTIFIERS = f"{OWN}:report-version"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_PDF_BYTES_AT_MOST = 5 * 1024 * 1024
_FINDINGS_AT_MOST = 2_000
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


@dataclass(frozen=True)
class Proof:
    """By what the server shows that it has a document: the resource of an identifier, in a status
    and with an identifier beside it, as far as these are known."""

    resource_type: str
    system: str
    value: str
    status: str = ""
    also: tuple[str, str] | None = None


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
    if not is_withdrawal(instance):
        return [document]
    newest = _newest_sent(storage, document.study_instance_uid, destination)
    if newest is None or newest[1] > instance.received_at:
        return [document]
    number = newest[0]
    report = _report(storage.reports, document.study_instance_uid)
    if storage.reports.version(report.report_id, number).state in SIGNED_STATES:
        # A person's word is not taken back by the node; a notice about it follows by itself.
        return [document]
    withdrawn = replace(document, kind="report", key=str(number), is_withdrawn=True)
    return [document, withdrawn]


def is_withdrawal(instance: Instance) -> bool:
    """Whether it is the note that rejects what a job made."""
    return instance.source.startswith("rejection:")


def _document_of(instances: InstanceReader, jobs: Jobs, instance: Instance) -> Document:
    study = instance.study_instance_uid
    if not is_own(instance.source):
        return Document("study", study, study)
    if instance.source in (REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE):
        header = instances.dataset(instance, stop_before_pixels=True)
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


def write_document(storage: DocumentStorage, document: Document, transaction: Transaction) -> None:
    """Add the resources of a document. Raises NotFound where what it is about is gone."""
    study = storage.index.study(document.study_instance_uid)
    match document.kind:
        case "study":
            _add_study(storage.index, storage.settings, transaction, study, is_current=True)
        case "result":
            _add_study(storage.index, storage.settings, transaction, study)
            _add_result(storage, transaction, study, document.key)
        case "report":
            _add_study(storage.index, storage.settings, transaction, study)
            _add_report(storage, transaction, study, document)


def proof_of(storage: DocumentStorage, document: Document) -> Proof:
    """What the server must show. Raises NotFound where what it is about is gone."""
    if document.kind == "study":
        return Proof("ImagingStudy", DICOM_UID, f"urn:oid:{document.key}")
    if document.kind == "result":
        study = storage.index.study(document.study_instance_uid)
        report, _ = _result(storage, study, document.key)
        return Proof("DiagnosticReport", RESULT_IDENTIFIERS, document.key, report.status)
    report_id = _report(storage.reports, document.study_instance_uid).report_id
    return Proof(
        "DiagnosticReport",
        REPORT_IDENTIFIERS,
        report_id,
        "entered-in-error" if document.is_withdrawn else "",
        (VERSION_IDENTIFIERS, f"{report_id}/{document.key}"),
    )


def _add_study(
    index: Index,
    settings: Settings,
    transaction: Transaction,
    study: Study,
    *,
    is_current: bool = False,
) -> None:
    """With a result it is created alone: the server may have the archive's own word on it."""
    uid = study.study_instance_uid
    resource = imaging_study(
        study, index.series_of(uid), f"{settings.resolved_public_url}/dicom-web"
    )
    add = transaction.put if is_current else transaction.create
    add(resource, DICOM_UID, f"urn:oid:{uid}")


def _result(
    storage: DocumentStorage, study: Study, job_id: str
) -> tuple[DiagnosticReport, list[Found[Observation]]]:
    job = storage.jobs.get(job_id)
    is_withdrawn = job.status == "SUPERSEDED"
    found = _observations(
        storage, study, [one.finding_id for one in storage.findings.of_job(job_id)]
    )
    changed = [one.updated_at for one in found] or [job.finished_at or job.updated_at]
    report = result_report(
        job,
        study,
        [one.entity for one in found],
        max(changed),
        is_withdrawn=is_withdrawn,
    )
    return report, found


def _observations(
    storage: DocumentStorage, study: Study, finding_ids: Collection[str]
) -> list[Found[Observation]]:
    """Of findings of the study itself."""
    if not finding_ids:
        return []
    found, _ = find_findings(storage.engine, [finding_id_in(finding_ids)], _FINDINGS_AT_MOST, 0)
    feedback = storage.finding_feedback.of_findings([one.entity.finding_id for one in found])
    void = void_among(storage.findings, storage.finding_feedback, [one.entity for one in found])
    order = {one: position for position, one in enumerate(finding_ids)}
    of_study = [one for one in found if one.entity.study_instance_uid == study.study_instance_uid]
    return [
        Found(
            observation(
                one,
                study,
                feedback[one.entity.finding_id],
                is_void=one.entity.finding_id in void,
            ),
            one.updated_at,
            one.is_withdrawn,
        )
        for one in sorted(of_study, key=lambda one: order[one.entity.finding_id])
    ]


def _add_result(
    storage: DocumentStorage, transaction: Transaction, study: Study, job_id: str
) -> None:
    report, found = _result(storage, study, job_id)
    _add_observations(storage, transaction, study, found)
    transaction.put(report, RESULT_IDENTIFIERS, job_id)


def _add_observations(
    storage: DocumentStorage,
    transaction: Transaction,
    study: Study,
    found: list[Found[Observation]],
) -> None:
    """Devices first, then segments, then what was measured."""
    findings = {
        one.finding_id: one for one in storage.findings.named([str(one.entity.id) for one in found])
    }
    pipelines = dict.fromkeys((one.pipeline, one.pipeline_version) for one in findings.values())
    if pipelines:
        node = node_device(storage.settings)
        transaction.create(node, *_first(node.identifier))
    for name, version in pipelines:
        device = pipeline_device(name, version)
        transaction.create(device, *_first(device.identifier))
    if transaction.version == "R5":
        for is_withdrawn in (False, True):
            some = [
                findings[str(one.entity.id)] for one in found if one.is_withdrawn == is_withdrawn
            ]
            for identifier, selection in selections(some, study, is_withdrawn=is_withdrawn):
                transaction.put_json(selection, SELECTION_IDENTIFIERS, identifier)
    for one in found:
        resource = one.entity
        segment = findings[str(resource.id)].segmentation
        if transaction.version == "R5" and segment is not None:
            selected = Reference(reference=f"ImagingSelection/{selection_id(segment)}")
            resource = resource.model_copy(
                update={"derived_from": [*resource.derived_from, selected]}
            )
        transaction.put(resource, FINDING_IDENTIFIERS, str(resource.id))


def _report(reports: Reports, study_instance_uid: str) -> Report:
    found = [one for one in reports.of_study(study_instance_uid) if not one.job_id]
    if not found:
        raise NotFound("The report is gone.", remedy="Cancel the delivery.")
    return found[0]


def _add_report(
    storage: DocumentStorage, transaction: Transaction, study: Study, document: Document
) -> None:
    """A version of the study's report, with the findings that it rests on as they stand."""
    number = int(document.key)
    report = _report(storage.reports, study.study_instance_uid)
    version = storage.reports.version(report.report_id, number)
    as_then = replace(
        report,
        version=number,
        state=version.state,
        language=version.language,
        title=version.title,
        sections=version.sections,
        updated_at=version.changed_at,
        # Of the version that went out last.
        superseded_at=report.superseded_at if number >= report.publish_version else None,
    )
    resource = diagnostic_report(
        Found(as_then, version.changed_at),
        study,
        _presented(storage.index, storage.instances, as_then),
    )
    update: dict[str, object] = {
        "identifier": [
            *resource.identifier,
            Identifier(system=VERSION_IDENTIFIERS, value=f"{report.report_id}/{number}"),
        ]
    }
    if version.state in SIGNED_STATES:
        signed_by = version.signed_name or version.changed_by
        update["results_interpreter"] = [Reference(display=signed_by)] if signed_by else None
    if document.is_withdrawn:
        update["status"] = "entered-in-error"
    resource = resource.model_copy(update=update)
    ids = _ids_of(as_then)
    _add_observations(storage, transaction, study, _observations(storage, study, ids))
    transaction.put(resource, REPORT_IDENTIFIERS, report.report_id)


def _ids_of(report: Report) -> list[str]:
    return list(dict.fromkeys(one for sentence in report.sentences for one in sentence.finding_ids))


def _presented(index: Index, instances: InstanceReader, report: Report) -> list[Attachment]:
    """The PDF that went out with the version, where it is there and not large."""
    for one in reversed(index.instances_of(report.study_instance_uid)):
        if one.sop_class_uid != _PDF or one.source != REPORT_SOURCE:
            continue
        document = instances.dataset(one)
        if str(document.get("InstanceNumber")) != str(report.version):
            continue
        content = bytes(document.EncapsulatedDocument)[: document.get("EncapsulatedDocumentLength")]
        if len(content) <= _PDF_BYTES_AT_MOST:
            return [
                Attachment(
                    content_type="application/pdf",
                    language=report.language,
                    data=b64encode(content).decode(),
                    title=report.title.strip() or "Report",
                    creation=report.updated_at,
                )
            ]
    return []


def _first(identifiers: Iterable[Identifier]) -> tuple[str, str]:
    first = next(iter(identifiers))
    return str(first.system), str(first.value)


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
