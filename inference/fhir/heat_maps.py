"""Heat maps as images of a DiagnosticReport: Media (hl7.org/fhir/R4/media.html), in R5
DocumentReference."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from inference.fhir.resources import DiagnosticReport, DiagnosticReportMedia, Media
from inference.fhir.subject import subject_of
from inference.fhir.types import (
    Attachment,
    CodeableConcept,
    Coding,
    Reference,
    uid_identifier,
)
from inference.result_identity import ResultKindName
from storage.container.has import HasFindings, HasJobs, HasSettings
from storage.core.entities import Job, Study
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.reports.entities import Report

_IMAGE = CodeableConcept(
    coding=[
        Coding(
            system="http://terminology.hl7.org/CodeSystem/media-type", code="image", display="Image"
        )
    ]
)
# What browsers show first.
_KINDS: tuple[ResultKindName, ...] = ("SC", "PM")


class HeatMapStorage(HasSettings, HasFindings, HasJobs, Protocol):
    """What of the storage layer is read to name the heat maps of a report."""


def with_heat_maps(
    resource: DiagnosticReport,
    storage: HeatMapStorage,
    study: Study,
    findings: Iterable[Finding],
) -> DiagnosticReport:
    """The report with the pictures and maps that show the heat maps of its findings.

    Each as a contained resource with the address of its pixels by DICOMweb. A heat map of which
    the node has made neither picture nor map is none.
    """
    images: list[Media] = []
    jobs: dict[str, Job | None] = {}
    for finding in findings:
        if finding.heat_map is None or finding.study_instance_uid != study.study_instance_uid:
            continue
        if finding.job_id not in jobs:
            jobs[finding.job_id] = _job(storage, finding.job_id)
        if (job := jobs[finding.job_id]) is not None:
            url = f"{storage.settings.resolved_public_url}/dicom-web"
            images += _images_of(job, finding, study, url, len(images))
    if not images:
        return resource
    return resource.model_copy(
        update={
            "contained": [*(resource.contained or ()), *images],
            "media": [
                DiagnosticReportMedia(
                    comment=one.content.title, link=Reference(reference=f"#{one.id}")
                )
                for one in images
            ],
        }
    )


def findings_of(storage: HasFindings, *reports: Report) -> list[list[Finding]]:
    """Of each report those on which its sentences rest, in their order."""
    cited = [
        dict.fromkeys(one for sentence in report.sentences for one in sentence.finding_ids)
        for report in reports
    ]
    ids = sorted({one for each in cited for one in each})
    known = {one.finding_id: one for one in storage.findings.named(ids)} if ids else {}
    return [[known[one] for one in each if one in known] for each in cited]


def _job(storage: HeatMapStorage, job_id: str) -> Job | None:
    try:
        return storage.jobs.get(job_id)
    except NotFound:
        return None


def _images_of(
    job: Job, finding: Finding, study: Study, dicomweb_url: str, begin: int
) -> Sequence[Media]:
    image = finding.image
    if image is None:
        return []
    of_image = {
        made
        for made, uid in job.result.get("heat_maps", {}).items()
        if uid == image.sop_instance_uid
    }
    made = {
        one["kind"]: one
        for one in job.result.get("instances", ())
        if one["sop_instance_uid"] in of_image
    }
    found = [(kind, made[kind]) for kind in _KINDS if kind in made]
    return [
        Media(
            id=f"heat-map-{begin + number}",
            identifier=[uid_identifier(one["sop_instance_uid"])],
            status="entered-in-error" if job.status == "SUPERSEDED" else "completed",
            type=_IMAGE,
            subject=subject_of(study),
            created_date_time=job.finished_at or job.created_at,
            content=_attachment(
                kind,
                f"{dicomweb_url}/studies/{study.study_instance_uid}"
                f"/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}",
                _title(finding),
            ),
        )
        for number, (kind, one) in enumerate(found, start=1)
    ]


def _attachment(kind: ResultKindName, url: str, title: str) -> Attachment:
    if kind == "SC":
        return Attachment(content_type="image/jpeg", url=f"{url}/rendered", title=title)
    return Attachment(content_type="application/dicom", url=url, title=title)


def _title(finding: Finding) -> str:
    heat = finding.heat_map
    meaning = heat.meaning if heat is not None else ""
    how = meaning.rstrip(".") or "how far the probability falls where a part is made black"
    return (
        f"Heat map of {finding.label}: {how}. It says what the model relied on, not where a disease"
        " is. UNVERIFIED, research use only."
    )
