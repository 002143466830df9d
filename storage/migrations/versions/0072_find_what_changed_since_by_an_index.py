"""Find orders, messages and searches that changed since a time by an index"""

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

_INDEXES = (
    ("worklist_item", "updated_at"),
    ("hl7_message", "created_at"),
    ("hl7_message", "updated_at"),
    ("prior_search", "updated_at"),
)


def upgrade() -> None:
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in _INDEXES:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
