"""Reports as lists show them."""

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, select

from storage import tables as t
from storage.db.engine import reading
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.reports.entities import Report, ReportState
from storage.reports.row_mapping import to_report

LAST_CHANGED = Keyset[Report](
    "reports",
    (
        SortColumn.of(t.report.c.updated_at, falls=True),
        SortColumn.of(t.report.c.report_id),
    ),
)


def list_reports(
    engine: Engine,
    study_instance_uid: str | None,
    limit: int,
    offset: int,
    *,
    state: ReportState | None,
    needs_attention: bool | None,
    updated_since: datetime | None,
    beyond: ColumnElement[bool] | None,
) -> tuple[list[Report], int]:
    """The last changed first, and how many there are in all.

    `beyond` begins the page where another one ended (`LAST_CHANGED`).
    """
    conditions: list[ColumnElement[bool]] = []
    if updated_since is not None:
        conditions.append(t.report.c.updated_at >= updated_since)
    if study_instance_uid is not None:
        conditions.append(t.report.c.study_instance_uid == study_instance_uid)
    if state is not None:
        conditions.append(t.report.c.state == state)
    if needs_attention is not None:
        waits = t.report.c.attention != ""
        conditions.append(waits if needs_attention else ~waits)
    statement = select(t.report).where(*conditions).order_by(*LAST_CHANGED.order())
    with reading(engine) as connection:
        rows, total = read_page(connection, statement, limit, offset, beyond)
        return [to_report(row) for row in rows], total
