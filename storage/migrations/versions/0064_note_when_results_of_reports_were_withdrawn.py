"""Note when results that a report rests on were withdrawn"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

_REPORTS_PER_PAGE = 200
_WITHDRAWN = (
    "Results that this text rests on were withdrawn, since the images of their series have changed."
)
_report = sa.table(
    "report",
    *map(sa.column, ("report_id", "study_instance_uid", "job_id", "state", "attention")),
    *(sa.column(name, UtcDateTime()) for name in ("signed_at", "attention_at", "updated_at")),
    sa.column("superseded_at", UtcDateTime()),
    sa.column("sections", sa.JSON()),
)
_job = sa.table(
    "job",
    *map(sa.column, ("job_id", "study_instance_uid", "ending")),
    *(sa.column(name, UtcDateTime()) for name in ("withdrawn_at", "updated_at")),
)
_finding = sa.table("finding", sa.column("finding_id"), sa.column("job_id"))
_study = sa.table("study", sa.column("study_instance_uid"), sa.column("patient_fk"))


def upgrade() -> None:
    op.add_column("report", sa.Column("superseded_at", UtcDateTime()))
    _mark_reports(op.get_bind())


def downgrade() -> None:
    op.drop_column("report", "superseded_at")


def _mark_reports(connection: sa.Connection) -> None:
    """What people wrote or signed by results that were withdrawn before anybody noted it."""
    mine = sa.alias(_study, "mine")
    of_patients = (
        sa.select(_study.c.study_instance_uid)
        .select_from(
            _job.join(mine, mine.c.study_instance_uid == _job.c.study_instance_uid).join(
                _study, _study.c.patient_fk == mine.c.patient_fk
            )
        )
        .where(_job.c.ending == "superseded")
    )
    query = (
        sa.select(_report)
        .where(_report.c.job_id == "", _report.c.study_instance_uid.in_(of_patients))
        .order_by(_report.c.report_id)
        .limit(_REPORTS_PER_PAGE)
    )
    now, last = datetime.now(UTC), ""
    while page := connection.execute(query.where(_report.c.report_id > last)).mappings().all():
        last = page[-1]["report_id"]
        for row in page:
            withdrawn_at = _withdrawn_at(connection, row)
            if withdrawn_at is None:
                continue
            values = {
                # The words of the mark are that it came after the signature.
                "superseded_at": max(withdrawn_at, row["signed_at"] or withdrawn_at),
                "attention": _WITHDRAWN,
                "attention_at": now,
                "updated_at": now,
            }
            connection.execute(
                sa.update(_report).where(_report.c.report_id == row["report_id"]).values(values)
            )


def _withdrawn_at(connection: sa.Connection, report: sa.RowMapping) -> datetime | None:
    """When the first of what a person's text cites was withdrawn; None where nothing was."""
    sentences: list[dict[str, Any]] = [
        one for section in report["sections"] for one in section["sentences"]
    ]
    if report["state"] == "draft" and all(one.get("origin") != "person" for one in sentences):
        return None
    lists = ("finding_ids", "prior_finding_ids")
    # What the node says of itself, such as what was not looked at, states no result; parts that
    # the images cut off, percentiles and sums are numbers.
    stating = [
        one
        for one in sentences
        if one.get("basis") != "node" or any(sign.isdigit() for sign in one.get("text", ""))
    ]
    cited = {found for one in stating for name in lists for found in one.get(name, ())}
    times = connection.execute(
        sa.select(sa.func.coalesce(_job.c.withdrawn_at, _job.c.updated_at, type_=UtcDateTime()))
        .select_from(_finding.join(_job, _job.c.job_id == _finding.c.job_id))
        .where(_finding.c.finding_id.in_(cited), _job.c.ending == "superseded")
    )
    return min(times.scalars(), default=None)
