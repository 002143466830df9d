"""Report drafts as DiagnosticReport (hl7.org/fhir/R4/diagnosticreport.html)."""

from collections.abc import Mapping
from html import escape

from api.fhir.resources import DiagnosticReport
from api.fhir.search.conditions import (
    PATIENT,
    Parameter,
    by_study,
    by_text,
    by_time,
)
from api.fhir.search.tokens import Coded, by_code, by_fixed, by_token
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
from api.versioned import versioned
from storage.core.entities import Study
from storage.db.conditions import Condition, all_of, always
from storage.findings.search import Found, SortKey
from storage.reports.conditions import (
    report_id_is,
    report_of_study,
    report_state_in,
    report_superseded,
    report_updated,
)
from storage.reports.entities import SIGNED_STATES, Report, ReportState
from storage.studies.conditions import study_dated

_SERVICE_SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"
_LOINC = "http://loinc.org"
_IDENTIFIERS = f"{OWN}:report"
_RADIOLOGY = CodeableConcept(
    coding=[
        Coding(
            system=_SERVICE_SECTIONS,
            code="RAD",
            display="Radiology",
        )
    ]
)
_CODE = Coding(system=_LOINC, code="18748-4", display="Diagnostic imaging study")
_DRAFT = "A draft made by software from unverified findings; nobody has signed it."
_SUPERSEDED = (
    "Not current: results that this report rests on were withdrawn, since the images of their"
    " series have changed."
)
# hl7.org/fhir/R4/valueset-diagnostic-report-status.html
_STATUS_SYSTEM = "http://hl7.org/fhir/diagnostic-report-status"
_STATUSES = (
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
    "entered-in-error",
    "unknown",
)
_STATUS: Mapping[ReportState, str] = {
    "draft": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "amended",
}
_PARTIAL = "partial"
"""Of a signed report that rests on part of the images: no longer complete, not wrong either."""


def _status(wanted: str) -> Condition:
    if wanted == _PARTIAL:
        return all_of(report_state_in(SIGNED_STATES), report_superseded(True))
    states = [state for state, status in _STATUS.items() if status == wanted]
    found = report_state_in(states)
    return all_of(found, report_superseded(False)) if wanted in SIGNED_STATES else found


PARAMETERS: dict[str, Parameter] = {
    "_id": by_text(report_id_is),
    "_lastUpdated": by_time(report_updated),
    "identifier": by_token(Coded(_IDENTIFIERS, report_id_is, always())),
    "code": by_fixed(_LOINC, str(_CODE.code)),
    "category": by_fixed(_SERVICE_SECTIONS, "RAD"),
    "status": by_code(_STATUS_SYSTEM, _STATUSES, _status),
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
    concluded += _cautions(report)
    return DiagnosticReport(
        id=report.report_id,
        status=_status_of(report),
        meta=meta(found.updated_at),
        text=_narrative(report),
        contained=[patient_of(study)],
        identifier=[Identifier(system=_IDENTIFIERS, value=report.report_id)],
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
    cautions = [f"<p>{escape(one)}</p>" for one in _cautions(report)]
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
    return _PARTIAL if report.is_signed and report.is_superseded else _STATUS[report.state]


def _cautions(report: Report) -> list[str]:
    """What must be read with it."""
    return [
        *([_SUPERSEDED] if report.is_superseded else []),
        *([] if report.is_signed else [_DRAFT]),
    ]
