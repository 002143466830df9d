"""Critical findings that a report does not conclude, to be named when it is signed."""

from inference.language.missing import Missing, missing_of_alerts, missing_of_texts
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.entities import Report, SectionKind

_MOST_ALERTS = 100


def missing_of_report(report: Report, alerts: CriticalAlerts) -> tuple[Missing, ...]:
    """Critical findings that its Findings name and its Impression does not, and open alerts of
    the study that no sentence rests on; the most urgent first.

    It keeps nobody from signing. A report without an Impression concludes in its Findings.
    """
    conclusion = _texts(report, "impression")
    by_text = (
        missing_of_texts(
            [(report.report_id, "\n".join(_texts(report, "findings")))],
            conclusion,
            report.language,
            report.created_at.year,
        )
        if conclusion
        else ()
    )
    stated = [
        finding_id
        for section in report.sections
        for sentence in section.sentences
        if sentence.basis != "node"
        for finding_id in sentence.finding_ids
    ]
    opened = alerts.list("OPEN", report.study_instance_uid, _MOST_ALERTS)[0]
    return (*missing_of_alerts(opened, stated, report.language), *by_text)


def _texts(report: Report, kind: SectionKind) -> list[str]:
    return [
        sentence.text
        for section in report.sections
        if section.kind == kind
        for sentence in section.sentences
    ]
