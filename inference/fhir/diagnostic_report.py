"""Reports as DiagnosticReport (hl7.org/fhir/R4/diagnosticreport.html)."""

from collections.abc import Mapping, Sequence
from html import escape

from inference.fhir.resources import DiagnosticReport
from inference.fhir.subject import order_of, patient_of, started, subject_of
from inference.fhir.types import (
    OWN,
    Attachment,
    CodeableConcept,
    Coding,
    Identifier,
    Narrative,
    Reference,
    meta,
    some,
    uid_identifier,
)
from storage.core.entities import Study
from storage.findings.search import Found
from storage.reports.entities import Report, ReportState

SERVICE_SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"
LOINC = "http://loinc.org"
REPORT_IDENTIFIERS = f"{OWN}:report"
RADIOLOGY = CodeableConcept(
    coding=[
        Coding(
            system=SERVICE_SECTIONS,
            code="RAD",
            display="Radiology",
        )
    ]
)
STUDY_REPORT = Coding(system=LOINC, code="18748-4", display="Diagnostic imaging study")
_DRAFT = {
    "en": "A draft made by software from unverified findings; nobody has signed it.",
    "de": "Von Software aus ungeprüften Messwerten entworfen; niemand hat signiert.",
}
_SUPERSEDED = {
    "en": "Not current: results that this report rests on were withdrawn, since the images of their"
    " series have changed, a further run gave other results, or they are another patient's.",
    "de": "Nicht aktuell: Ergebnisse, auf denen dieser Befund beruht, wurden zurückgezogen, da sich"
    " die Bilder ihrer Serie geändert haben, ein weiterer Lauf andere Ergebnisse ergab oder sie zu"
    " einer anderen Person gehören.",
}
"""By the report's language; English in every other."""
STATUS: Mapping[ReportState, str] = {
    "draft": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "amended",
}
PARTIAL = "partial"
"""Of a signed report that rests on part of the images: no longer complete, not wrong either."""


def diagnostic_report(
    found: Found[Report], study: Study, presented: Sequence[Attachment] = ()
) -> DiagnosticReport:
    """`presented`: this very version as a document."""
    report = found.entity
    sentences = [sentence for section in report.sections for sentence in section.sentences]
    findings = dict.fromkeys(one for sentence in sentences for one in sentence.finding_ids)
    concluded = [
        sentence.text.strip()
        for section in report.sections
        if section.kind == "impression"
        for sentence in section.sentences
    ]
    concluded = [*_not_current(report), *concluded, *_not_signed(report)]
    return DiagnosticReport(
        id=report.report_id,
        status=_status_of(report),
        meta=meta(found.updated_at),
        text=_narrative(report),
        contained=[patient_of(study)],
        identifier=[Identifier(system=REPORT_IDENTIFIERS, value=report.report_id)],
        based_on=order_of(study),
        category=[RADIOLOGY],
        code=CodeableConcept(coding=[STUDY_REPORT], text=report.title.strip() or None),
        subject=subject_of(study),
        effective_date_time=started(study.study_date),
        issued=found.updated_at,
        result=some(Reference(reference=f"Observation/{one}") for one in findings),
        imaging_study=[
            Reference(
                reference=f"ImagingStudy/{study.study_instance_uid}",
                type="ImagingStudy",
                identifier=uid_identifier(study.study_instance_uid),
            )
        ],
        conclusion=" ".join(concluded),
        presented_form=some(presented),
    )


def _narrative(report: Report) -> Narrative:
    cautions = [f"<p>{escape(one)}</p>" for one in (*_not_current(report), *_not_signed(report))]
    parts = [f"<p><b>{escape(report.title or 'Report')}</b></p>", *cautions]
    for section in report.sections:
        text = " ".join(sentence.text for sentence in section.sentences)
        parts.append(f"<p>{escape(section.heading)}: {escape(text)}</p>")
    body = "".join(parts)
    return Narrative(
        # A signed report is a person's word, of which the resource repeats only a part.
        status="additional" if report.is_signed else "generated",
        div=f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>',
    )


def _status_of(report: Report) -> str:
    return PARTIAL if report.is_signed and report.is_superseded else STATUS[report.state]


def _not_current(report: Report) -> list[str]:
    """What must be read before it."""
    return [_in(report, _SUPERSEDED)] if report.is_superseded else []


def _not_signed(report: Report) -> list[str]:
    """What must be read with it."""
    return [] if report.is_signed else [_in(report, _DRAFT)]


def _in(report: Report, sentences: Mapping[str, str]) -> str:
    return sentences.get(report.language, sentences["en"])
