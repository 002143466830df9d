"""Findings and reports with when they last changed, among the studies and patients they are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, Engine, FromClause, func, or_, select

from storage import tables as t
from storage.core.findings import Finding
from storage.db.conditions import Condition
from storage.db.engine import reading
from storage.findings.conditions import last_updated
from storage.findings.row_mapping import to_finding
from storage.reports.entities import Report
from storage.reports.row_mapping import to_report

EntityT = TypeVar("EntityT")


@dataclass(frozen=True)
class Found(Generic[EntityT]):
    entity: EntityT
    updated_at: datetime
    """When it came, when feedback on it last came, or when it was withdrawn."""
    is_withdrawn: bool = False
    """Of a finding: its job is superseded, because the series has changed since."""


SortKey = Literal["updated_at", "study_date"]


def find_findings(
    engine: Engine,
    where: Sequence[Condition],
    limit: int,
    offset: int,
    order: Sequence[tuple[SortKey, bool]] = (),
) -> tuple[list[Found[Finding]], int]:
    """Findings of jobs that have results, and how many there are.

    `order` lists keys, each with whether it descends; the last changed come first after it.

    `where` are conditions over finding, job, study and patient. Those of pictures that
    belong to no study are left out.
    """
    updated = last_updated().label("updated_at")
    source = _with_patients(t.finding.join(t.job, t.job.c.job_id == t.finding.c.job_id), t.finding)
    has_results = or_(t.job.c.state == "COMPLETED", t.job.c.earlier_finished_at.is_not(None))
    conditions = [has_results, *where]
    rows, total = _page(
        engine, source, (t.finding, updated, t.job.c.ending), updated,
        t.finding.c.finding_id, conditions, limit, offset, order,
    )  # fmt: skip
    return [
        Found(to_finding(row), row["updated_at"], row["ending"] == "superseded") for row in rows
    ], total


def find_reports(
    engine: Engine,
    where: Sequence[Condition],
    limit: int,
    offset: int,
    order: Sequence[tuple[SortKey, bool]] = (),
) -> tuple[list[Found[Report]], int]:
    """The same for reports."""
    updated = t.report.c.updated_at.label("changed_at")
    source = _with_patients(t.report)
    rows, total = _page(
        engine, source, (t.report, updated), updated, t.report.c.report_id, where,
        limit, offset, order,
    )  # fmt: skip
    return [Found(to_report(row), row["changed_at"]) for row in rows], total


def pipelines_seen(engine: Engine) -> list[tuple[str, str]]:
    """Name and version of every pipeline that has stated something."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.finding.c.pipeline, t.finding.c.pipeline_version)
            .distinct()
            .order_by(t.finding.c.pipeline, t.finding.c.pipeline_version)
        )
        return [(row[0], row[1]) for row in rows]


def _with_patients(source: Any, table: Any = None) -> FromClause:
    studied = (source if table is None else table).c.study_instance_uid
    joined: FromClause = source.join(t.study, t.study.c.study_instance_uid == studied).join(
        t.patient, t.patient.c.id == t.study.c.patient_fk
    )
    return joined


def _page(
    engine: Engine,
    source: FromClause,
    columns: Sequence[Any],
    updated: ColumnElement[Any],
    key: ColumnElement[str],
    where: Sequence[Condition],
    limit: int,
    offset: int,
    order: Sequence[tuple[SortKey, bool]],
) -> tuple[list[Any], int]:
    columns_by_key = {"updated_at": updated, "study_date": t.study.c.study_date}
    sorting = [
        columns_by_key[one].desc() if descending else columns_by_key[one].asc()
        for one, descending in order
    ]
    with reading(engine) as connection:
        total = connection.execute(
            select(func.count()).select_from(source).where(*where)
        ).scalar_one()
        rows = connection.execute(
            select(*columns)
            .select_from(source)
            .where(*where)
            .order_by(*sorting, updated.desc(), key)
            .limit(limit)
            .offset(offset)
        )
        return list(rows.mappings()), total
