"""The DICOM objects of a report, stored by the door through which all results come in."""

from pydicom.dataset import Dataset

from inference.reports.export.document import ReportDocument, read_document
from inference.reports.export.pdf import encode_report_pdf
from inference.reports.export.sr import encode_report_sr
from inference.results.writing import part10
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.reports.entities import Report, ReportVersion
from storage.settings import Settings


def store_objects(storage: Storage, report: Report, version: ReportVersion) -> list[Instance]:
    """SR and PDF of one version. Raises NotFound where its study is gone."""
    document = read_document(storage, report, version.version)
    structured = encode_report_sr(
        document,
        organization=_organization(storage.settings, document),
        predecessor=_predecessor(storage, document),
    )
    return [_stored(storage, one) for one in (structured, encode_report_pdf(document))]


def _organization(settings: Settings, document: ReportDocument) -> str:
    stated = str(document.source.get("InstitutionName") or "").strip()
    return settings.institution_name or stated[:64]


def _predecessor(storage: Storage, document: ReportDocument) -> Dataset | None:
    """The SR of the version that went out last, where the node still has it."""
    before = document.report.published_version
    if not before or before >= document.version.version:
        return None
    earlier = ReportDocument(
        document.report,
        storage.reports.version(document.report.report_id, before),
        document.study,
        document.source,
        (),
        {},
    )
    try:
        instance = storage.index.instance(earlier.uid("instance", "SR"))
    except NotFound:
        return None
    return storage.instances.dataset(instance)


def _stored(storage: Storage, dataset: Dataset) -> Instance:
    storage.ingest.accept(part10(dataset), source="report", origin="generated")
    return storage.index.instance(str(dataset.SOPInstanceUID))
