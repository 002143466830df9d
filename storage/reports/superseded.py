"""Texts of people that rest on results that were withdrawn."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.errors import StateConflict
from storage.reports.entities import Report, ReportSentence
from storage.reports.row_mapping import to_report
from storage.reports.rows import WITHDRAWN_RESULTS, change_report


def mark_superseded(
    connection: Connection,
    study_instance_uids: Collection[str],
    finding_ids: Collection[str],
    now: datetime,
) -> None:
    """The findings were withdrawn: what a person wrote or signed by them says so from now on,
    also where it compares a later study with them.

    A draft that nobody has touched is drafted again instead.
    """
    query = select(t.report).where(
        t.report.c.study_instance_uid.in_(study_instance_uids), t.report.c.job_id == ""
    )
    query = query.order_by(t.report.c.report_id)
    for row in connection.execute(query.with_for_update()).mappings().all():
        report = to_report(row)
        if report.is_touched and _cited(report.sentences) & set(finding_ids):
            values = _marked(report, now) | {"updated_at": now}
            change_report(connection, report, values, "superseded", "")


def mark_of_other_patients(
    connection: Connection, study_instance_uids: Collection[str], now: datetime
) -> None:
    """Studies became another patient's: what a person wrote or signed by results that are another
    patient's now says so from now on."""
    query = select(t.report).where(
        t.report.c.study_instance_uid.in_(study_instance_uids),
        t.report.c.job_id == "",
        t.report.c.superseded_at.is_(None),
    )
    query = query.order_by(t.report.c.report_id)
    for row in connection.execute(query.with_for_update()).mappings().all():
        report = to_report(row)
        cited = _cited(report.sentences)
        if report.is_touched and _of_other_patients(connection, report, cited):
            values = _marked(report, now) | {"updated_at": now}
            change_report(connection, report, values, "superseded", "")


def check_seen(connection: Connection, report: Report) -> None:
    """Before a first signature. Raises StateConflict where the text rests on withdrawn results
    and nobody has confirmed since that it stands: the mark gives the text no other version."""
    is_seen = report.is_superseded and not report.attention
    if not is_seen and _rests_on_withdrawn(connection, report, report.sentences):
        raise StateConflict(
            f"{WITHDRAWN_RESULTS} It is not signed before a person has seen that.",
            remedy="Read it again; draft it again (POST /api/reports/draft with replace), change"
            " the sentences, or let the text stand (DELETE …/proposal), and sign then.",
        )


def still_marked(
    connection: Connection, report: Report, sentences: Sequence[ReportSentence], now: datetime
) -> dict[str, Any] | None:
    """The marks that a text keeps when it is signed; None where it rests on nothing withdrawn."""
    if not _rests_on_withdrawn(connection, report, sentences):
        return None
    return {} if report.is_superseded else _marked(report, now)


def _marked(report: Report, now: datetime) -> dict[str, Any]:
    return {
        "superseded_at": now,
        "attention": WITHDRAWN_RESULTS,
        "attention_at": now,
    }


def _rests_on_withdrawn(
    connection: Connection, report: Report, sentences: Sequence[ReportSentence]
) -> bool:
    return bool(withdrawn_findings(connection, report, sentences))


def withdrawn_findings(
    connection: Connection, report: Report, sentences: Sequence[ReportSentence]
) -> frozenset[str]:
    """Identifiers of findings that the sentences rest on and that count no more, or are another
    patient's by now."""
    cited = _cited(sentences)
    if not cited:
        return frozenset()
    query = select(t.finding.c.finding_id, t.job.c.ending).select_from(
        t.finding.outerjoin(t.job, t.job.c.job_id == t.finding.c.job_id)
    )
    rows = connection.execute(query.where(t.finding.c.finding_id.in_(cited)))
    endings = {row.finding_id: row.ending for row in rows}
    # A job that runs again, over the content that it was over, replaces its findings.
    gone = cited - endings.keys() if report.is_superseded else set()
    ended = {one for one in cited if endings.get(one) == "superseded"}
    return frozenset(gone | ended | _of_other_patients(connection, report, cited))


def _of_other_patients(
    connection: Connection, report: Report, finding_ids: Collection[str]
) -> set[str]:
    """Those of studies of another patient than the report's; linked IDs are one patient's."""
    if not finding_ids:
        return set()
    study = t.study.c
    own = select(study.person_fk).where(study.study_instance_uid == report.study_instance_uid)
    query = (
        select(t.finding.c.finding_id)
        .join(t.study, study.study_instance_uid == t.finding.c.study_instance_uid)
        .where(
            t.finding.c.finding_id.in_(finding_ids),
            study.person_fk != own.scalar_subquery(),
        )
    )
    return set(connection.execute(query).scalars())


def _cited(sentences: Sequence[ReportSentence]) -> set[str]:
    return {found for one in sentences for found in one.result_ids}
