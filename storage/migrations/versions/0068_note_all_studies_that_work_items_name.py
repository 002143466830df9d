"""Note all studies that work items name"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

_PAGE_ROWS = 500
_UID_LENGTH = 64
_STUDY_INSTANCE_UID = "0020000D"
_REFERENCED_STUDY_SEQUENCE, _REFERENCED_SOP_INSTANCE_UID = "00081110", "00081155"

_work_item = sa.table(
    "work_item",
    sa.column("sop_instance_uid"),
    sa.column("study_instance_uid"),
    sa.column("attributes", sa.JSON()),
)


def upgrade() -> None:
    named = op.create_table(
        "work_item_study",
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint(
            "sop_instance_uid", "study_instance_uid", name=op.f("pk_work_item_study")
        ),
    )
    connection, after = op.get_bind(), ""
    while True:
        page = connection.execute(
            sa.select(_work_item)
            .where(_work_item.c.sop_instance_uid > after)
            .order_by(_work_item.c.sop_instance_uid)
            .limit(_PAGE_ROWS)
        ).all()
        rows = [
            {"sop_instance_uid": item.sop_instance_uid, "study_instance_uid": uid}
            for item in page
            for uid in sorted(set(_studies(item.attributes)) - {item.study_instance_uid, ""})
            if len(uid) <= _UID_LENGTH
        ]
        if rows:
            connection.execute(sa.insert(named), rows)
        if len(page) < _PAGE_ROWS:
            return
        after = page[-1].sop_instance_uid


def downgrade() -> None:
    op.drop_table("work_item_study")


def _studies(attributes: dict[str, Any]) -> Iterator[str]:
    for tag, element in attributes.items():
        for value in element.get("Value") or []:
            if tag == _STUDY_INSTANCE_UID:
                yield str(value or "")
            elif element.get("vr") == "SQ" and isinstance(value, dict):
                if tag == _REFERENCED_STUDY_SEQUENCE:
                    for uid in value.get(_REFERENCED_SOP_INSTANCE_UID, {}).get("Value") or []:
                        yield str(uid or "")
                yield from _studies(value)
