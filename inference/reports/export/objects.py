"""The DICOM objects of a report, stored by the door through which all results come in."""

from pydicom.dataset import Dataset

from inference.reports.export.document import ReportDocument, read_document
from inference.reports.export.pdf import encode_report_pdf
from inference.reports.export.sr import encode_report_sr
from inference.results.writing import part10
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.core.sources import REPORT_SOURCE
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
        predecessor=_predecessor(storage.index, storage.instances, storage.reports, document),
    )
    return [
        _stored(storage.index, storage.ingest, one)
        for one in (structured, encode_report_pdf(document))
    ]


def _organization(settings: Settings, document: ReportDocument) -> str:
    stated = str(document.source.get("InstitutionName") or "").strip()
    return settings.institution_name or stated[:64]


def _predecessor(
    index: Index, instances: InstanceReader, reports: Reports, document: ReportDocument
) -> Dataset | None:
    """The SR of the version that went out last, where the node still has it."""
    before = document.report.published_version
    if not before or before >= document.version.version:
        return None
    earlier = ReportDocument(
        document.report,
        reports.version(document.report.report_id, before),
        document.study,
        document.source,
        (),
        {},
    )
    try:
        instance = index.instance(earlier.uid("instance", "SR"))
    except NotFound:
        return None
    return instances.dataset(instance)


def _stored(index: Index, ingest: Ingest, dataset: Dataset) -> Instance:
    ingest.accept(part10(dataset), source=REPORT_SOURCE, origin="generated")
    return index.instance(str(dataset.SOPInstanceUID))
