"""Name digests for what they are: BLAKE3 from now on, SHA-256 before"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("instance", "conflict"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN sha256 TO digest")
    old, new = (f"uq_conflict_sop_instance_uid_{name}" for name in ("sha256", "digest"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE conflict RENAME CONSTRAINT {old} TO {new}")
        return
    with op.batch_alter_table("conflict") as batch:
        batch.drop_constraint(old, type_="unique")
        batch.create_unique_constraint(new, ["sop_instance_uid", "digest"])
