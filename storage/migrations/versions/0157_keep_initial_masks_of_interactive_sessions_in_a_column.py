"""Keep initial masks of interactive sessions in a column"""

import sqlalchemy as sa
from alembic import op

revision = "0157"
down_revision = "0155"
branch_labels = None
depends_on = None

_SESSION = sa.table(
    "interactive_session",
    sa.column("session_id", sa.String),
    sa.column("shapes", sa.JSON),
    sa.column("initial", sa.JSON),
)
_KIND = "initial"


def upgrade() -> None:
    """They stood among the shapes, under a kind of their own."""
    with op.batch_alter_table("interactive_session") as batch:
        batch.add_column(sa.Column("initial", sa.JSON(), nullable=True))
    connection = op.get_bind()
    for session_id, shapes, _ in connection.execute(sa.select(_SESSION)).all():
        masks = [one for one in shapes if one["kind"] == _KIND]
        if masks:
            left = [one for one in shapes if one["kind"] != _KIND]
            mask = {name: value for name, value in masks[0].items() if name != "kind"}
            _put(connection, session_id, shapes=left, initial=mask)


def downgrade() -> None:
    connection = op.get_bind()
    for session_id, shapes, mask in connection.execute(sa.select(_SESSION)).all():
        if mask:
            _put(connection, session_id, shapes=[{"kind": _KIND, **mask}, *shapes])
    with op.batch_alter_table("interactive_session") as batch:
        batch.drop_column("initial")


def _put(connection: sa.Connection, session_id: str, **values: object) -> None:
    connection.execute(
        sa.update(_SESSION).where(_SESSION.c.session_id == session_id).values(**values)
    )
