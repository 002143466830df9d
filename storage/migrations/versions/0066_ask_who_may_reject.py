"""Ask who may reject images"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_BEFORE = {"store", "query", "retrieve", "commit", "worklist"}
_peer = sa.table("peer", sa.column("name"), sa.column("may", sa.JSON()))


def upgrade() -> None:
    op.add_column(
        "rejection_note",
        sa.Column("ignored_code", sa.String(16), server_default="", nullable=False),
    )
    for name, may in _rights():
        # Who had all rights keeps all. An explicit list says what the peer may do: it stays.
        if may >= _BEFORE:
            _set(name, may | {"reject"})


def downgrade() -> None:
    for name, may in _rights():
        if "reject" in may:
            _set(name, may - {"reject"})
    op.drop_column("rejection_note", "ignored_code")


def _rights() -> list[tuple[str, set[str]]]:
    rows = op.get_bind().execute(sa.select(_peer.c.name, _peer.c.may)).all()
    return [(name, set(may)) for name, may in rows]


def _set(name: str, may: set[str]) -> None:
    op.get_bind().execute(sa.update(_peer).where(_peer.c.name == name).values(may=sorted(may)))
