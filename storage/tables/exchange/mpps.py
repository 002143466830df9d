"""What modalities and workstations announce: procedure steps, instances available."""

from sqlalchemy import (
    JSON,
    Column,
    String,
    Table,
)

from storage.tables.base import Uid, metadata, time_column

procedure_step = Table(
    "procedure_step",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    # Of the peer that began it; none: an earlier version noted the AE title alone.
    Column("identity_id", String(620)),
    time_column("created_at"),
    time_column("updated_at"),
)


availability_notice = Table(
    "availability_notice",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("calling_ae_title", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("attributes", JSON, nullable=False),
    Column("identity_id", String(620)),
    time_column("received_at"),
)
