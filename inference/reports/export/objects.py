"""The DICOM objects of a report, stored as all that the node makes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from pydicom.dataset import Dataset

from inference.reports.export.document import (
    ReportDocument,
    read_document,
    with_notice,
)
from inference.reports.export.pdf import encode_report_pdf
from inference.reports.export.report_storage import ReportObjectStorage
from inference.reports.export.sr import encode_report_sr
from inference.results.file_writing import part10
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.core.sources import REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE
from storage.core.text.long_string import long_string
from storage.core.uids import UidScheme
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader
from storage.reports.entities import Report, ReportVersion
from storage.reports.repository import Reports
from storage.settings import Settings


def store_objects(
    storage: ReportObjectStorage, report: Report, version: ReportVersion
) -> list[Instance]:
    """SR and PDF of one version. Raises NotFound where its study is gone."""
    document = _with_uids(storage.generated, read_document(storage, report, version.version))
    structured = encode_report_sr(
        document,
        organization=_organization(storage.settings, document),
        predecessors=_predecessors(
            storage.generated, storage.index, storage.instances, storage.reports, document
        ),
    )
    return [
        _stored(storage.generated, one, REPORT_SOURCE)
        for one in (structured, encode_report_pdf(document))
    ]


def store_notices(
    storage: ReportObjectStorage, report: Report, version: ReportVersion, withdrawn_at: datetime
) -> list[tuple[Instance, Instance]]:
    """What went out of a version, and the same once more with the notice that results under it
    were withdrawn; of SR and PDF those that went out. Raises NotFound where its study is gone."""
    document = _with_uids(storage.generated, read_document(storage, report, version.version))
    noted = _with_uids(storage.generated, with_notice(storage.reports, document, withdrawn_at))
    organization = _organization(storage.settings, document)
    found = []
    for kind in ("SR", "PDF"):
        signed = _own(storage.generated, document.uid("instance", kind))
        if signed is None:
            continue
        if kind == "SR":
            before = storage.instances.dataset(signed)
            made = encode_report_sr(noted, organization=organization, predecessors=[before])
        else:
            made = encode_report_pdf(noted)
        notice = _stored(storage.generated, made, SUPERSEDED_REPORT_SOURCE)
        found.append((signed, notice))
    return found


def _with_uids(generated: GeneratedInstances, document: ReportDocument) -> ReportDocument:
    """The document under UIDs that nothing of others bears, the same whenever it is asked for."""

    def uids_of(scheme: UidScheme) -> list[str]:
        of_scheme = replace(document, uids=scheme)
        return [of_scheme.uid("instance", kind) for kind in ("SR", "PDF")]

    return replace(document, uids=generated.scheme(uids_of))


def _organization(settings: Settings, document: ReportDocument) -> str:
    stated = str(document.source.get("InstitutionName") or "").strip()
    return long_string(settings.institution_name or stated)


def _predecessors(
    generated: GeneratedInstances,
    index: Index,
    instances: InstanceReader,
    reports: Reports,
    document: ReportDocument,
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
    earlier = _with_uids(generated, earlier)
    instance = _own(generated, earlier.uid("instance", "SR"))
    if instance is None:
        return []
    notices = _notices_on(index, instances, instance)
    return [instances.dataset(instance), *notices]


def _notices_on(index: Index, instances: InstanceReader, signed: Instance) -> Iterator[Dataset]:
    for one in index.instances_of(signed.study_instance_uid):
        if (one.source, one.sop_class_uid) == (SUPERSEDED_REPORT_SOURCE, signed.sop_class_uid):
            notice = instances.dataset(one)
            (before,) = notice.PredecessorDocumentsSequence
            (reference,) = before.ReferencedSeriesSequence[0].ReferencedSOPSequence
            if reference.ReferencedSOPInstanceUID == signed.sop_instance_uid:
                yield notice


def _own(generated: GeneratedInstances, sop_instance_uid: str) -> Instance | None:
    try:
        return generated.instance(sop_instance_uid)
    except NotFound:
        return None


def _stored(generated: GeneratedInstances, dataset: Dataset, source: str) -> Instance:
    return generated.store(part10(dataset), str(dataset.SOPInstanceUID), source)[0]
