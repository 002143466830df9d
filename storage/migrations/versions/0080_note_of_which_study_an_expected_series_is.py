"""Note of which study an expected series is"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

_OF_A_SERIES = "uq_expectation_announced_by_series_instance_uid"
_OF_A_STUDY = "uq_expectation_announced_by_study_instance_uid_series_instance_uid"


def upgrade() -> None:
    with op.batch_alter_table("expectation") as batch:
        batch.add_column(
            sa.Column("study_instance_uid", sa.String(64), nullable=False, server_default="")
        )
        batch.drop_constraint(op.f(_OF_A_SERIES), type_="unique")
        batch.create_unique_constraint(
            op.f(_OF_A_STUDY), ["announced_by", "study_instance_uid", "series_instance_uid"]
        )
    # Where two studies share the series, nobody noted which one was meant.
    studies = (
        "FROM series JOIN study ON study.id = series.study_fk"
        " WHERE series.series_instance_uid = expectation.series_instance_uid"
    )
    op.execute(
        "UPDATE expectation SET study_instance_uid ="
        f" (SELECT study.study_instance_uid {studies})"
        f" WHERE (SELECT count(*) {studies}) = 1"
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM expectation WHERE id NOT IN (SELECT max(id) FROM expectation"
        " GROUP BY announced_by, series_instance_uid)"
    )
    with op.batch_alter_table("expectation") as batch:
        batch.drop_constraint(op.f(_OF_A_STUDY), type_="unique")
        batch.drop_column("study_instance_uid")
        batch.create_unique_constraint(op.f(_OF_A_SERIES), ["announced_by", "series_instance_uid"])
