"""Searches for reports as DiagnosticReport (hl7.org/fhir/R4/diagnosticreport.html#search)."""

from api.fhir.search.conditions import (
    PATIENT,
    Parameter,
    by_study,
    by_text,
    by_time,
)
from api.fhir.search.tokens import Coded, by_code, by_fixed, by_token
from api.versioned import versioned
from inference.fhir.diagnostic_report import (
    LOINC,
    PARTIAL,
    REPORT_IDENTIFIERS,
    SERVICE_SECTIONS,
    STATUS,
    STUDY_REPORT,
)
from inference.fhir.types import Attachment
from storage.db.conditions import Condition, all_of, always
from storage.findings.search import SortKey
from storage.reports.conditions import (
    report_id_is,
    report_of_study,
    report_state_in,
    report_superseded,
    report_updated,
)
from storage.reports.entities import SIGNED_STATES, Report
from storage.studies.conditions import study_dated

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


def _status(wanted: str) -> Condition:
    if wanted == PARTIAL:
        return all_of(report_state_in(SIGNED_STATES), report_superseded(True))
    states = [state for state, status in STATUS.items() if status == wanted]
    found = report_state_in(states)
    return all_of(found, report_superseded(False)) if wanted in SIGNED_STATES else found


PARAMETERS: dict[str, Parameter] = {
    "_id": by_text(report_id_is),
    "_lastUpdated": by_time(report_updated),
    "identifier": by_token(Coded(REPORT_IDENTIFIERS, report_id_is, always())),
    "code": by_fixed(LOINC, str(STUDY_REPORT.code)),
    "category": by_fixed(SERVICE_SECTIONS, "RAD"),
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


def presented(report: Report) -> list[Attachment]:
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
