"""Texts of people that rest on results that were withdrawn."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from storage import tables as t
from storage.reports.entities import Report
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
        if report.is_touched and _rests_on(report, set(finding_ids)):
            values = {
                "superseded_at": report.superseded_at or now,
                "attention": WITHDRAWN_RESULTS,
                "attention_at": now,
                "updated_at": now,
            }
            change_report(connection, report, values, "superseded", "")


def _rests_on(report: Report, finding_ids: set[str]) -> bool:
    return any(
        finding_ids.intersection((*one.finding_ids, *one.prior_finding_ids))
        for one in report.sentences
    )
