"""How long the stages of a study's way took, counted for all processes together."""

from sqlalchemy import BigInteger, Column, Float, Integer, PrimaryKeyConstraint, String, Table

from storage.tables.base import metadata

STAGE_BOUNDS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
"""Upper bounds of the columns that count by time."""

stage_time = Table(
    "stage_time",
    metadata,
    Column("stage", String(16), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    *(
        Column(f"within_{number}", BigInteger, nullable=False)
        for number in range(1, len(STAGE_BOUNDS_S) + 1)
    ),
    PrimaryKeyConstraint("stage", "subject", "outcome"),
)

# Up to which event traces were sent; at most one row.
trace_position = Table(
    "trace_position",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, nullable=False),
)
