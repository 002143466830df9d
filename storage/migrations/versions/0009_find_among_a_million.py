"""Find among a million instances"""

import sqlalchemy as sa
from alembic import op

from storage.core.text.text_folding import folded_name, search_text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_ORDERED = {"patient": ("patient_id",), "study": ("study_date", "accession_number")}


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    ordered = sa.Text(collation="C") if on_postgresql else sa.Text()
    if on_postgresql:
        _collate(ordered)
    for table, name in (
        ("patient", "patient_name_folded"),
        ("study", "referring_physician_name_folded"),
        ("study", "search_text"),
    ):
        op.add_column(table, sa.Column(name, ordered, server_default="", nullable=False))
    _fill()
    op.drop_index("ix_patient_patient_name", table_name="patient")
    op.create_index("ix_patient_patient_name_folded", "patient", ["patient_name_folded"])
    op.create_index("ix_series_study_fk_modality", "series", ["study_fk", "modality"])
    op.drop_index("ix_instance_series_fk", table_name="instance")
    op.create_index("ix_instance_series_fk_size_bytes", "instance", ["series_fk", "size_bytes"])
    op.create_table(
        "dimse_traffic",
        *(
            sa.Column(name, sa.String(length=length), nullable=False)
            for name, length in (("operation", 24), ("peer", 80), ("outcome", 16))
        ),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("requests", "instances", "size_bytes")
        ),
        sa.Column("seconds", sa.Float(), nullable=False),
        *(sa.Column(f"within_{n}", sa.BigInteger(), nullable=False) for n in range(1, 8)),
        sa.PrimaryKeyConstraint("operation", "peer", "outcome", name=op.f("pk_dimse_traffic")),
    )


def downgrade() -> None:
    op.drop_table("dimse_traffic")
    op.drop_index("ix_instance_series_fk_size_bytes", table_name="instance")
    op.create_index("ix_instance_series_fk", "instance", ["series_fk"])
    op.drop_index("ix_series_study_fk_modality", table_name="series")
    op.drop_index("ix_patient_patient_name_folded", table_name="patient")
    op.create_index("ix_patient_patient_name", "patient", ["patient_name"])
    for table, name in (
        ("study", "search_text"),
        ("study", "referring_physician_name_folded"),
        ("patient", "patient_name_folded"),
    ):
        op.drop_column(table, name)
    if op.get_bind().dialect.name == "postgresql":
        _collate(sa.Text())


def _collate(kind: sa.Text) -> None:
    for table, names in _ORDERED.items():
        for name in names:
            op.alter_column(table, name, type_=kind, existing_nullable=False)


def _fill() -> None:
    """Fold what is there; done here because a database folds as its own language has it."""
    connection = op.get_bind()
    patient = sa.table(
        "patient",
        *map(sa.column, ("id", "patient_id", "patient_name", "patient_name_folded")),
    )
    study = sa.table(
        "study",
        *map(
            sa.column,
            (
                "id",
                "patient_fk",
                "study_description",
                "accession_number",
                "referring_physician_name",
                "referring_physician_name_folded",
                "search_text",
            ),
        ),
    )
    last = 0
    while rows := connection.execute(
        sa.select(patient.c.id, patient.c.patient_name)
        .where(patient.c.id > last)
        .order_by(patient.c.id)
        .limit(_AT_ONCE)
    ).all():
        connection.execute(
            sa.update(patient)
            .where(patient.c.id == sa.bindparam("row_id"))
            .values(patient_name_folded=sa.bindparam("name")),
            [{"row_id": row_id, "name": folded_name(name)} for row_id, name in rows],
        )
        last = rows[-1][0]
    last = 0
    while studies := connection.execute(
        sa.select(
            study.c.id,
            study.c.referring_physician_name,
            patient.c.patient_name,
            patient.c.patient_id,
            study.c.study_description,
            study.c.accession_number,
        )
        .join_from(study, patient, study.c.patient_fk == patient.c.id)
        .where(study.c.id > last)
        .order_by(study.c.id)
        .limit(_AT_ONCE)
    ).all():
        connection.execute(
            sa.update(study)
            .where(study.c.id == sa.bindparam("row_id"))
            .values(
                referring_physician_name_folded=sa.bindparam("name"),
                search_text=sa.bindparam("text"),
            ),
            [
                {"row_id": row_id, "name": folded_name(name), "text": search_text(*texts)}
                for row_id, name, *texts in studies
            ],
        )
        last = studies[-1][0]
