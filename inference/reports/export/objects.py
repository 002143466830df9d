"""The DICOM objects of a report, stored by the door through which all results come in."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydicom.dataset import Dataset

from inference.reports.export.document import ReportDocument, read_document, with_notice
from inference.reports.export.pdf import encode_report_pdf
from inference.reports.export.sr import encode_report_sr
from inference.results.writing import part10
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.core.sources import REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE
from storage.index.repository import Index
from storage.ingest.service import Ingest
from storage.integrity.instance_reader import InstanceReader
from storage.reports.entities import Report, ReportVersion
from storage.reports.repository import Reports
from storage.settings import Settings


def store_objects(storage: Storage, report: Report, version: ReportVersion) -> list[Instance]:
    """SR and PDF of one version. Raises NotFound where its study is gone."""
    document = read_document(storage, report, version.version)
    structured = encode_report_sr(
        document,
        organization=_organization(storage.settings, document),
        predecessors=_predecessors(storage.index, storage.instances, storage.reports, document),
    )
    return [
        _stored(storage.index, storage.ingest, one, REPORT_SOURCE)
        for one in (structured, encode_report_pdf(document))
    ]


def store_notices(
    storage: Storage, report: Report, version: ReportVersion, withdrawn_at: datetime
) -> list[tuple[Instance, Instance]]:
    """What went out of a version, and the same once more with the notice that results under it
    were withdrawn; of SR and PDF those that went out. Raises NotFound where its study is gone."""
    document = read_document(storage, report, version.version)
    noted = with_notice(storage.reports, document, withdrawn_at)
    organization = _organization(storage.settings, document)
    found = []
    for kind in ("SR", "PDF"):
        signed = _instance(storage.index, document.uid("instance", kind))
        if signed is None:
            continue
        if kind == "SR":
            before = storage.instances.dataset(signed)
            made = encode_report_sr(noted, organization=organization, predecessors=[before])
        else:
            made = encode_report_pdf(noted)
        notice = _stored(storage.index, storage.ingest, made, SUPERSEDED_REPORT_SOURCE)
        found.append((signed, notice))
    return found


def _organization(settings: Settings, document: ReportDocument) -> str:
    stated = str(document.source.get("InstitutionName") or "").strip()
    return settings.institution_name or stated[:64]


def _predecessors(
    index: Index, instances: InstanceReader, reports: Reports, document: ReportDocument
) -> Sequence[Dataset]:
    """The SR of the version that went out last, where the node still has it, and the
    notices about it since."""
    before = document.report.published_version
    if not before or before >= document.version.version:
        return []
    earlier = ReportDocument(
        document.report,
        reports.version(document.report.report_id, before),
        document.study,
        document.source,
        (),
        {},
    )
    instance = _instance(index, earlier.uid("instance", "SR"))
    if instance is None:
        return []
    return [instances.dataset(instance), *_notices_on(index, instances, instance)]


def _notices_on(index: Index, instances: InstanceReader, signed: Instance) -> Iterator[Dataset]:
    of_series = index.instances_of(signed.study_instance_uid, signed.series_instance_uid)
    for one in of_series:
        if one.source == SUPERSEDED_REPORT_SOURCE:
            notice = instances.dataset(one)
            (before,) = notice.PredecessorDocumentsSequence
            (reference,) = before.ReferencedSeriesSequence[0].ReferencedSOPSequence
            if reference.ReferencedSOPInstanceUID == signed.sop_instance_uid:
                yield notice


def _instance(index: Index, sop_instance_uid: str) -> Instance | None:
    try:
        return index.instance(sop_instance_uid)
    except NotFound:
        return None


def _stored(index: Index, ingest: Ingest, dataset: Dataset, source: str) -> Instance:
    ingest.accept(part10(dataset), source=source, origin="generated")
    return index.instance(str(dataset.SOPInstanceUID))
