"""List each study under the name that it states"""

import hashlib
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.core.text.bounded_text import indexed_name
from storage.core.text.text_folding import search_text

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_MOST_TRIED = 10_000
_STATED = ("patient_name", "patient_birth_date", "patient_sex")
_KEY = ("patient_id", "issuer_of_patient_id")

_PATIENT = sa.table("patient", *map(sa.column, ("id", *_KEY, *_STATED)))
_STUDY = sa.table(
    "study",
    *map(
        sa.column,
        (
            *("id", "patient_fk", "study_instance_uid", "patient_digest", "patient_name_folded"),
            *("study_description", "accession_number", "search_text", *_STATED),
        ),
    ),
)
_RECEIVED = sa.table("received_patient", *map(sa.column, ("study_instance_uid", *_STATED)))
_CHANGE = sa.table(
    "patient_change",
    sa.column("id"),
    sa.column("patient_id"),
    sa.column("applied_to", sa.JSON()),
    *map(sa.column, _STATED),
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    ordered = sa.Text(collation="C") if on_postgresql else sa.Text()
    for name in _STATED:
        op.add_column("study", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column(
        "study", sa.Column("patient_name_folded", ordered, server_default="", nullable=False)
    )
    names = (*_STATED, "patient_name_folded")
    copied = ", ".join(f"{name} = patient.{name}" for name in names)
    op.execute(f"UPDATE study SET {copied} FROM patient WHERE patient.id = study.patient_fk")
    _take_what_studies_state(op.get_bind())
    op.create_index("ix_study_patient_name_folded", "study", ["patient_name_folded"])
    op.drop_index("ix_patient_patient_name_folded", table_name="patient")


def downgrade() -> None:
    op.create_index("ix_patient_patient_name_folded", "patient", ["patient_name_folded"])
    op.drop_index("ix_study_patient_name_folded", table_name="study")
    for name in ("patient_name_folded", *_STATED):
        op.drop_column("study", name)


def _take_what_studies_state(connection: sa.Connection) -> None:
    """Of studies whose arrival was noted; the others stay under the name of their patient."""
    for row in list(_differing(connection)):
        stated = tuple(row[f"received_{name}"] for name in _STATED)
        if row["patient_digest"]:
            stated = _corrected(connection, row, stated)
        if stated == tuple(row[name] for name in _STATED):
            continue
        texts = (row["study_description"], row["accession_number"])
        connection.execute(
            sa.update(_STUDY)
            .where(_STUDY.c.id == row["id"])
            .values(
                **dict(zip(_STATED, stated, strict=True)),
                patient_name_folded=indexed_name(stated[0]),
                search_text=search_text(stated[0], row["patient_id"], *texts),
            )
        )


def _differing(connection: sa.Connection) -> Iterator[sa.RowMapping]:
    """Studies whose first instance, or a correction, may state others than the patient's row."""
    query = (
        sa.select(
            *(_STUDY.c[name] for name in ("id", "patient_digest")),
            *(_STUDY.c[name] for name in ("study_description", "accession_number")),
            *(_PATIENT.c[name] for name in (*_KEY, *_STATED)),
            *(_RECEIVED.c[name].label(f"received_{name}") for name in _STATED),
        )
        .join_from(_STUDY, _PATIENT, _PATIENT.c.id == _STUDY.c.patient_fk)
        .join(_RECEIVED, _RECEIVED.c.study_instance_uid == _STUDY.c.study_instance_uid)
        .where(
            sa.or_(
                _STUDY.c.patient_digest != "",
                *(_RECEIVED.c[name] != _PATIENT.c[name] for name in _STATED),
            )
        )
        .order_by(_STUDY.c.id)
        .limit(_AT_ONCE)
    )
    last = 0
    while rows := connection.execute(query.where(_STUDY.c.id > last)).mappings().all():
        yield from rows
        last = rows[-1]["id"]


def _corrected(
    connection: sa.Connection, row: sa.RowMapping, received: tuple[str, ...]
) -> tuple[str, ...]:
    """What corrections made of it: the study has the digest of that, and each value of it was
    stated by a change of the patient or by an image."""
    listed = tuple(row[name] for name in _STATED)
    found: list[dict[str, None]] = [
        dict.fromkeys((now, then, "")) for now, then in zip(listed, received, strict=True)
    ]
    changes = sa.select(*(_CHANGE.c[name] for name in ("applied_to", *_STATED))).where(
        _CHANGE.c.patient_id == row["patient_id"]
    )
    for change in connection.execute(changes.order_by(_CHANGE.c.id.desc())).mappings():
        for values in (change, *(change["applied_to"] or ())):
            for known, name in zip(found, _STATED, strict=True):
                if values[name] is not None:
                    known[values[name]] = None
    key = [row[name] for name in _KEY]
    for one in islice(product(*found), _MOST_TRIED):
        if _digest([*key, *one]) == row["patient_digest"]:
            return one
    return listed


def _digest(values: list[Any]) -> str:
    return hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:16]
