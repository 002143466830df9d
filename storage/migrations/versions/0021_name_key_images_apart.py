"""Name key images apart from reports in the profiles of destinations"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who got reports got key images with them, and goes on getting both."""
    _change(lambda kinds: {*kinds, "KOS"} if "SR" in kinds else kinds)


def downgrade() -> None:
    known = {"SEG", "LABELMAP", "SR", "SC", "PDF", "OTHER"}
    _change(lambda kinds: kinds & known)


def _change(changed: Callable[[set[str]], set[str]]) -> None:
    connection = op.get_bind()
    peer = sa.table("peer", sa.column("name", sa.String), sa.column("object_kinds", sa.JSON))
    for name, stored in connection.execute(sa.select(peer.c.name, peer.c.object_kinds)).all():
        kinds = set(stored)
        wanted = changed(kinds)
        if wanted != kinds:
            connection.execute(
                peer.update().where(peer.c.name == name).values(object_kinds=sorted(wanted))
            )
