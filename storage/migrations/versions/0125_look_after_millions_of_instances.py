"""Look after millions of instances: vacuum early, find volumes by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0125"
down_revision = "0123"
branch_labels = None
depends_on = None

# PostgreSQL waits for a fifth of a table by itself: of 20 million instances for years. What was
# added since the last time is counted by its rows, instead of in the index alone.
_INSERTED = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
}
_CHANGED = {
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
}
_TABLES = {
    "instance": _INSERTED,
    "audit_event": _INSERTED,
    "audit_subject": _INSERTED,
    "decision": _CHANGED,
    "delivery": _CHANGED,
    "event": _CHANGED,
    "job": _CHANGED,
    "series": _CHANGED,
    "study": _CHANGED,
}


_VOLUMES = "ix_instance_unsettled_volume"


def upgrade() -> None:
    unsettled = sa.text("object_key = ''")
    op.create_index(
        _VOLUMES, "instance", ["volume"], sqlite_where=unsettled, postgresql_where=unsettled
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, settings in _TABLES.items():
        values = ", ".join(f"{name} = {value}" for name, value in settings.items())
        op.execute(f"ALTER TABLE {table} SET ({values})")


def downgrade() -> None:
    op.drop_index(_VOLUMES, table_name="instance")
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, settings in _TABLES.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(settings)})")
