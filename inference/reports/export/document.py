"""One version of a report with all that its forms need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.findings.derived import standing_among
from inference.findings.standing import StandingFinding
from inference.reports.export.report_storage import ReportStorage
from inference.reports.export.text import in_words, superseded_notice, withdrawn_notice
from inference.result_identity import MANUFACTURER, local_time
from storage.core.entities import Study
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.core.sources import is_own
from storage.core.text.long_string import long_string
from storage.core.uids import FORMER_UIDS, UidScheme
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.reports.entities import Report, ReportVersion
from storage.reports.repository import Reports
from storage.worklist.repository import Worklist


@dataclass(frozen=True)
class ReportDocument:
    report: Report
    version: ReportVersion
    study: Study
    source: Dataset
    """Header of an image of the study: whose patient and study everything takes over."""
    evidence: tuple[Dataset, ...]
    """Headers of what was measured: an image of each series, and the results made of it."""
    findings: Mapping[str, StandingFinding]
    """As they stood when the version was written: what its sentences say, its numbers say."""
    placer_order_number: str = ""
    """Of the order in the worklist; empty where none is known."""
    filler_order_number: str = ""
    withdrawn_at: datetime | None = None
    """When results under the version were withdrawn, where the form is to say so."""
    notice: str = ""
    withdrawn: frozenset[str] = frozenset()
    """Findings that count no more; none without a notice."""
    uids: UidScheme = FORMER_UIDS
    """Of its objects (`storage.ingest.generated`)."""

    @property
    def is_verified(self) -> bool:
        """Whether a person vouches for all that it says: signed, and no notice of the node."""
        return self.is_signed and not self.notice

    @property
    def is_signed(self) -> bool:
        return self.version.state in ("final", "amended")

    @property
    def signed_by(self) -> str:
        """Who signed this very version; empty where nobody did."""
        return self.version.changed_by if self.is_signed else ""

    @property
    def verifying_observer_name(self) -> str:
        """As PS3.5 6.2.1.2 has it: the person's own, else the account's as a family name."""
        if self.is_signed and self.version.signed_name:
            name = self.version.signed_name.translate(str.maketrans("\\=", "  "))
        else:
            # An identity provider may have given it: one value, in one group, of one component.
            name = self.signed_by.translate(str.maketrans("\\=^", "   "))
        return f"{name}^" if name and "^" not in name else name

    @property
    def signed_by_in_words(self) -> str:
        return in_words(self.version.signed_name, self.signed_by)

    def equipment(self) -> list[Dataset]:
        """The house, and the model that worded sentences of it (PS3.3 C.12.1.1.5)."""
        made = [self._equipment("Report templates", "Drafted from findings of pipelines")]
        sentences = [one for section in self.version.sections for one in section.sentences]
        for author in dict.fromkeys(one.author for one in sentences if one.origin == "model"):
            made.append(self._equipment(author, "Worded sentences that the findings support"))
        return made

    def _equipment(self, model: str, what: str) -> Dataset:
        made: Dataset = hd.ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=codes.DCM.ProcessingEquipment,
            manufacturer_model_name=long_string(model),
            contribution_datetime=self.at.replace(tzinfo=None),
            contribution_description=f"{what}, research use only",
        )
        return made

    @property
    def written_at(self) -> datetime:
        return local_time(self.version.changed_at, self.source)

    @property
    def at(self) -> datetime:
        """When what it says was known, in the zone that goes with the images' patient and study."""
        times = (self.version.changed_at, self.withdrawn_at)
        return local_time(max(one for one in times if one is not None), self.source)

    def uid(self, what: str, kind: str) -> str:
        """`what`: series or instance. The same words of the same version are the same instance."""
        basis = ("report", kind, self.study.study_instance_uid)
        if what == "series":
            return self.uids.derive("series", *basis)
        words = [one.text for section in self.version.sections for one in section.sentences]
        if self.withdrawn_at is not None:
            words += ["withdrawn", self.withdrawn_at.isoformat()]
        return self.uids.derive(
            "instance", *basis, str(self.version.version), self.version.state, *words
        )


def series_description(document: ReportDocument) -> str:
    """At most 64 characters."""
    state = "signed report" if document.is_signed else "AI draft report, research use only"
    if document.notice:
        state = "not current, results withdrawn"
    return f"{long_string(document.version.title, 60 - len(state))} - {state}"


def read_document(storage: ReportStorage, report: Report, version: int) -> ReportDocument:
    """Raises NotFound where version, study or images are not there."""
    found = storage.reports.version(report.report_id, version)
    study = storage.index.study(report.study_instance_uid)
    ids = dict.fromkeys(
        one
        for section in found.sections
        for sentence in section.sentences
        for one in (*sentence.finding_ids, *sentence.prior_finding_ids)
    )
    named = storage.findings.named(list(ids))
    findings = {one.finding_id: one for one in named}
    standing = standing_among(storage.findings, storage.finding_feedback, named, found.changed_at)
    images = _images(storage.index, storage.instances, study, findings)
    if not images:
        raise NotFound("The study of the report has no image left.", remedy="Send the study again.")
    results = _results(
        storage.index, storage.instances, storage.jobs, study.study_instance_uid, findings
    )
    placer, filler = _order_numbers(storage.worklist, study)
    return ReportDocument(
        report, found, study, images[0], (*images, *results), standing, placer, filler
    )


def with_notice(
    reports: Reports, document: ReportDocument, withdrawn_at: datetime
) -> ReportDocument:
    """The document, saying that results under it were withdrawn, and which."""
    withdrawn = reports.withdrawn(document.report, document.version)
    notice = withdrawn_notice(document.version, withdrawn_at)
    return replace(document, withdrawn_at=withdrawn_at, notice=notice, withdrawn=withdrawn)


def as_it_stands(reports: Reports, document: ReportDocument) -> ReportDocument:
    """The document, with a notice where its report is marked as not current."""
    at = document.report.superseded_at
    if at is None or not superseded_notice(document.report, document.version):
        return document
    return with_notice(reports, document, at)


def _order_numbers(worklist: Worklist, study: Study) -> tuple[str, str]:
    """What the order's placer and its filler call it (IHE RAD TF-1: Scheduled Workflow)."""
    for item in worklist.of_study(study.study_instance_uid, study.accession_number):
        numbers = (
            str(item.attributes.get("PlacerOrderNumberImagingServiceRequest") or ""),
            str(item.attributes.get("FillerOrderNumberImagingServiceRequest") or ""),
        )
        if any(numbers):
            return numbers
    return "", ""


def _images(
    index: Index,
    instance_reader: InstanceReader,
    study: Study,
    findings: Mapping[str, Finding],
) -> list[Dataset]:
    """The first image of each series that was measured; of any received one without findings.

    Of the study's patient, where there is one: the report takes the patient over from it.
    """
    study_instance_uid = study.study_instance_uid
    measured = {one.series_instance_uid for one in findings.values()}
    received = [one for one in index.series_of(study_instance_uid) if one.origin == "received"]
    wanted = [one for one in received if one.series_instance_uid in measured] or received[:1]
    found: list[Dataset] = []
    for series in wanted:
        first: Dataset | None = None
        for instance in index.instances_of(study_instance_uid, series.series_instance_uid):
            header = instance_reader.header(instance)
            first = header if first is None else first
            if str(header.get("PatientID") or "").strip() == study.patient_id.strip():
                first = header
                break
        if first is not None:
            found.append(first)
    return found


def _results(
    index: Index,
    instances: InstanceReader,
    job_repository: Jobs,
    study_instance_uid: str,
    findings: Mapping[str, Finding],
) -> list[Dataset]:
    jobs = {one.job_id for one in findings.values() if one.study_instance_uid == study_instance_uid}
    found: list[Dataset] = []
    for job in job_repository.of_studies([study_instance_uid])[study_instance_uid]:
        if job.job_id not in jobs:
            continue
        for made in job.result.get("instances", ()):
            if made.get("kind") == "SR":
                try:
                    instance = index.instance(made["sop_instance_uid"])
                except NotFound:
                    continue
                if is_own(instance.source):
                    found.append(instances.header(instance))
    return found
