"""What is written to a FHIR server for a document.

The transaction is made of how the document stands when it is sent, not of how it stood when the
instance was made: a retry writes no older word, and feedback and withdrawals, whose objects follow
in the outbox, change what is there.
"""

from base64 import b64encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from inference.fhir.device import node_device, pipeline_device
from inference.fhir.diagnostic_report import REPORT_IDENTIFIERS, diagnostic_report
from inference.fhir.documents import Document, DocumentStorage, report_of_study
from inference.fhir.heat_maps import findings_of, with_heat_maps
from inference.fhir.imaging_selection import SELECTION_IDENTIFIERS, selection_id, selections
from inference.fhir.imaging_study import imaging_study
from inference.fhir.observation import FINDING_IDENTIFIERS, observation
from inference.fhir.resources import DiagnosticReport, Observation
from inference.fhir.result_report import RESULT_IDENTIFIERS, result_report
from inference.fhir.transaction import Transaction
from inference.fhir.types import DICOM_UID, OWN, Attachment, Identifier, Reference
from inference.findings.derived import void_among
from storage.core.entities import Study
from storage.core.sources import REPORT_SOURCE
from storage.findings.conditions import finding_id_in
from storage.findings.search import Found, find_findings
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.reports.entities import SIGNED_STATES, Report
from storage.settings import Settings

VERSION_IDENTIFIERS = f"{OWN}:report-version"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_PDF_BYTES_AT_MOST = 5 * 1024 * 1024
_FINDINGS_AT_MOST = 2_000


@dataclass(frozen=True)
class Proof:
    """By what the server shows that it has a document: the resource of an identifier, in a status
    and with an identifier beside it, as far as these are known."""

    resource_type: str
    system: str
    value: str
    status: str = ""
    also: tuple[str, str] | None = None


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
    report_id = report_of_study(storage.reports, document.study_instance_uid).report_id
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
    findings = storage.findings.of_job(job_id)
    found = _observations(storage, study, [one.finding_id for one in findings])
    changed = [one.updated_at for one in found] or [job.finished_at or job.updated_at]
    report = result_report(
        job,
        study,
        [one.entity for one in found],
        max(changed),
        is_withdrawn=is_withdrawn,
    )
    return with_heat_maps(report, storage, study, findings), found


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


def _add_report(
    storage: DocumentStorage, transaction: Transaction, study: Study, document: Document
) -> None:
    """A version of the study's report, with the findings that it rests on as they stand."""
    number = int(document.key)
    report = report_of_study(storage.reports, study.study_instance_uid)
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
    (cited,) = findings_of(storage, as_then)
    resource = with_heat_maps(resource, storage, study, cited)
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
