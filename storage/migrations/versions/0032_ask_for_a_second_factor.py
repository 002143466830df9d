"""Ask for a second factor, and for another password than the initial one"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "account",
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    for name in ("user_agent", "challenge"):
        op.add_column("session", sa.Column(name, sa.Text(), server_default="", nullable=False))
    for name in ("second_factor_at", "challenge_at"):
        op.add_column("session", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "second_factor",
        sa.Column("factor_id", sa.String(16), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("secret", sa.Text(), server_default="", nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credential_id", sa.Text(), server_default="", nullable=False),
        sa.Column("public_key", sa.Text(), server_default="", nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("factor_id", name="pk_second_factor"),
    )
    op.create_index("ix_second_factor_account", "second_factor", ["account"])
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_recovery_code"),
    )
    op.create_index("ix_recovery_code_account", "recovery_code", ["account"])


def downgrade() -> None:
    op.drop_table("recovery_code")
    op.drop_table("second_factor")
    for name in ("challenge_at", "second_factor_at", "challenge", "user_agent"):
        op.drop_column("session", name)
    op.drop_column("account", "must_change_password")
