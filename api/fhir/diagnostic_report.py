"""Report drafts as DiagnosticReport (hl7.org/fhir/R4/diagnosticreport.html)."""

from html import escape

from api.fhir.conditions import (
    PATIENT,
    Parameter,
    by_fixed,
    by_study,
    by_text,
    by_time,
)
from api.fhir.parameters import read_token
from api.fhir.resources import DiagnosticReport
from api.fhir.subject import order_of, patient_of, started, subject_of
from api.fhir.types import (
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
from api.middleware import versioned
from storage.core.entities import Study
from storage.db.conditions import Condition, always, never
from storage.findings.search import Found, SortKey
from storage.reports.conditions import (
    report_id_is,
    report_of_study,
    report_state_in,
    report_updated,
)
from storage.reports.entities import Report
from storage.studies.conditions import study_dated

_RADIOLOGY = CodeableConcept(
    coding=[
        Coding(
            system="http://terminology.hl7.org/CodeSystem/v2-0074",
            code="RAD",
            display="Radiology",
        )
    ]
)
_CODE = Coding(system="http://loinc.org", code="18748-4", display="Diagnostic imaging study")
_DRAFT = "A draft made by software from unverified findings; nobody has signed it."
# hl7.org/fhir/R4/valueset-diagnostic-report-status.html
_STATUS = {
    "draft": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "amended",
}


def _code(name: str, value: str) -> Condition:
    token = read_token(value)
    fits = token.code == _CODE.code and token.system in (None, _CODE.system)
    return always() if fits else never()


def _identifier(name: str, value: str) -> Condition:
    return report_id_is(read_token(value).code)


def _status(name: str, value: str) -> Condition:
    wanted = read_token(value).code
    return report_state_in([state for state, status in _STATUS.items() if status == wanted])


PARAMETERS: dict[str, Parameter] = {
    "_id": by_text(report_id_is),
    "_lastUpdated": by_time(report_updated),
    "identifier": _identifier,
    "code": _code,
    "category": by_fixed("RAD"),
    "status": _status,
    "issued": by_time(report_updated),
    "date": by_time(study_dated),
    # None of R4's own, which cannot ask for a study; named as R5 names it.
    "study": by_study(report_of_study),
    **PATIENT,
}


SORTS: dict[str, SortKey] = {
    "_lastUpdated": "updated_at",
    "issued": "updated_at",
    "date": "study_date",
}


def diagnostic_report(found: Found[Report], study: Study) -> DiagnosticReport:
    report = found.entity
    sentences = [sentence for section in report.sections for sentence in section.sentences]
    findings = dict.fromkeys(one for sentence in sentences for one in sentence.finding_ids)
    concluded = [
        sentence.text.strip()
        for section in report.sections
        if section.kind == "impression"
        for sentence in section.sentences
    ]
    if not report.is_signed:
        concluded.append(_DRAFT)
    return DiagnosticReport(
        id=report.report_id,
        status=_STATUS[report.state],
        meta=meta(found.updated_at),
        text=_narrative(report),
        contained=[patient_of(study)],
        identifier=[Identifier(system=f"{OWN}:report", value=report.report_id)],
        based_on=order_of(study),
        category=[_RADIOLOGY],
        code=CodeableConcept(coding=[_CODE], text=report.title.strip() or None),
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
        presented_form=some(_presented(report)),
    )


def _presented(report: Report) -> list[Attachment]:
    """This very version as a document; an image that is not DICOM has none."""
    if not report.study_instance_uid:
        return []
    return [
        Attachment(
            content_type="application/pdf",
            language=report.language,
            url=versioned(f"/api/reports/{report.report_id}/pdf?version={report.version}"),
            title=report.title.strip() or "Report",
            creation=report.updated_at,
        )
    ]


def _narrative(report: Report) -> Narrative:
    parts = [f"<p><b>{escape(report.title or 'Report')}</b></p>", *_caution(report)]
    for section in report.sections:
        text = " ".join(sentence.text for sentence in section.sentences)
        parts.append(f"<p>{escape(section.heading)}: {escape(text)}</p>")
    body = "".join(parts)
    return Narrative(
        # A signed report is a person's word, of which the resource repeats only a part.
        status="additional" if report.is_signed else "generated",
        div=f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>',
    )


def _caution(report: Report) -> list[str]:
    return [] if report.is_signed else [f"<p>{escape(_DRAFT)}</p>"]
