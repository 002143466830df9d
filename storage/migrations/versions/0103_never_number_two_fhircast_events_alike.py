"""Never number two FHIRcast events alike

SQLite gave the number of the newest event again once that was removed, and a channel that had sent
it took the next event for one that it had sent.
"""

from alembic import op

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _recreate(autoincrement=True)


def downgrade() -> None:
    _recreate(autoincrement=False)


def _recreate(*, autoincrement: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        kwargs = {"sqlite_autoincrement": autoincrement}
        with op.batch_alter_table("fhircast_event", recreate="always", table_kwargs=kwargs):
            pass
