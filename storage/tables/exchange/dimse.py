"""What went over DICOM associations, counted for all processes together."""

from sqlalchemy import BigInteger, Column, Float, PrimaryKeyConstraint, String, Table

from storage.tables.base import metadata

TRAFFIC_BOUNDS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
"""Upper bounds of the columns that count by time."""

dimse_traffic = Table(
    "dimse_traffic",
    metadata,
    Column("operation", String(24), nullable=False),
    Column("peer", String(80), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("instances", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    *(
        Column(f"within_{number}", BigInteger, nullable=False)
        for number in range(1, len(TRAFFIC_BOUNDS_S) + 1)
    ),
    PrimaryKeyConstraint("operation", "peer", "outcome"),
)
