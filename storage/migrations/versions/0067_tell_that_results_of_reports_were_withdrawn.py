"""Tell receivers of reports that results under them were withdrawn"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

_ONCE = ["destination", "report_id", "report_version"]
_OF_A_VERSION = "uq_hl7_message_destination_report_id_report_version"


def upgrade() -> None:
    op.add_column("report", sa.Column("withdrawal_notified_at", UtcDateTime()))
    marked = sa.text("superseded_at IS NOT NULL")
    op.create_index(
        "ix_report_superseded_at",
        "report",
        ["superseded_at"],
        sqlite_where=marked,
        postgresql_where=marked,
    )
    with op.batch_alter_table("hl7_message") as batch:
        batch.add_column(sa.Column("superseded_at", UtcDateTime()))
        batch.drop_constraint(op.f(_OF_A_VERSION), type_="unique")
    for name, columns, which in (
        ("uq_hl7_message_version", _ONCE, "superseded_at IS NULL"),
        ("uq_hl7_message_superseded", [*_ONCE, "superseded_at"], "superseded_at IS NOT NULL"),
    ):
        op.create_index(
            name,
            "hl7_message",
            columns,
            unique=True,
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )


def downgrade() -> None:
    op.execute("DELETE FROM hl7_message WHERE superseded_at IS NOT NULL")
    for name in ("uq_hl7_message_superseded", "uq_hl7_message_version"):
        op.drop_index(name, table_name="hl7_message")
    with op.batch_alter_table("hl7_message") as batch:
        batch.drop_column("superseded_at")
        batch.create_unique_constraint(op.f(_OF_A_VERSION), _ONCE)
    op.drop_index("ix_report_superseded_at", table_name="report")
    op.drop_column("report", "withdrawal_notified_at")
