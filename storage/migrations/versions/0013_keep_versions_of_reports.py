"""Keep one report a study, with every version it had"""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    earlier = _drafts_of_jobs()
    op.drop_table("report")
    _create()
    _fold(earlier)


def downgrade() -> None:
    """The drafts of single jobs are gone; pipelines that run again write them anew."""
    for table in ("report_due", "report_version", "report"):
        op.drop_table(table)
    op.create_table(
        "report",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.job_id"], name=op.f("fk_report_job_id")),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report")),
        sa.UniqueConstraint("job_id", name=op.f("uq_report_job_id")),
    )
    op.create_index(
        op.f("ix_report_study_instance_uid"), "report", ["study_instance_uid"], unique=False
    )


def _create() -> None:
    op.create_table(
        "report",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=36), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("signed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("basis_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("attention", sa.Text(), server_default="", nullable=False),
        sa.Column("attention_at", UtcDateTime(), nullable=True),
        sa.Column("proposal", sa.JSON(), nullable=True),
        sa.Column("proposal_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report")),
        sa.UniqueConstraint(
            "study_instance_uid", "job_id", name=op.f("uq_report_study_instance_uid_job_id")
        ),
    )
    op.create_index(
        op.f("ix_report_study_instance_uid"), "report", ["study_instance_uid"], unique=False
    )
    op.create_index("ix_report_state_updated_at", "report", ["state", "updated_at"], unique=False)
    op.create_table(
        "report_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_version")),
        sa.UniqueConstraint(
            "report_id", "version", name=op.f("uq_report_version_report_id_version")
        ),
    )
    op.create_table(
        "report_due",
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_report_due")),
    )


def _drafts_of_jobs() -> list[sa.RowMapping]:
    earlier = sa.table(
        "report",
        sa.column("report_id"),
        sa.column("study_instance_uid"),
        sa.column("job_id"),
        sa.column("language"),
        sa.column("title"),
        sa.column("sections", sa.JSON()),
        sa.column("created_at", UtcDateTime()),
    )
    rows = op.get_bind().execute(sa.select(earlier).order_by(earlier.c.created_at))
    return list(rows.mappings())


def _fold(earlier: list[sa.RowMapping]) -> None:
    """The drafts of a study's jobs become its one draft, which is then drafted anew."""
    drafts: dict[tuple[str, str], list[sa.RowMapping]] = {}
    for row in earlier:
        study = row["study_instance_uid"]
        drafts.setdefault((study, "" if study else row["job_id"]), []).append(row)
    now = datetime.now(UTC)
    for (study, job_id), rows in drafts.items():
        common = {
            "report_id": str(uuid.uuid4()) if study else rows[0]["report_id"],
            "version": 1,
            "state": "draft",
            "language": rows[-1]["language"],
            "title": rows[-1]["title"],
            "sections": [part for row in rows for part in row["sections"]],
        }
        _insert(
            "report",
            common
            | {
                "study_instance_uid": study,
                "job_id": job_id,
                "created_at": rows[0]["created_at"],
                "updated_at": rows[-1]["created_at"],
            },
        )
        _insert("report_version", common | {"changed_at": rows[-1]["created_at"]})
        if study:
            _insert("report_due", {"study_instance_uid": study, "changed_at": now})


def _insert(name: str, values: dict[str, object]) -> None:
    kinds: dict[str, Any] = {
        column: UtcDateTime() if column.endswith("_at") else sa.JSON()
        for column in values
        if column.endswith("_at") or column == "sections"
    }
    columns = [sa.column(column, kinds.get(column)) for column in values]
    op.get_bind().execute(sa.table(name, *columns).insert().values(**values))
