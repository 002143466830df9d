"""Processes of the node, and signs of life."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    String,
    Table,
)

from storage.tables.base import UtcDateTime, metadata, text_column, time_column

component = Table(
    "component",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("ok", Boolean, nullable=False),
    text_column("detail"),
    text_column("remedy"),
    time_column("at"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", String(80), primary_key=True),
    time_column("at"),
)

# Each data folder that the node's processes store in; with a disk for each host there are several.
host = Table(
    "host",
    metadata,
    # Of its volumes folder (`storage.volumes.host_id`).
    Column("id", String(8), primary_key=True),
    Column("name", String(255), nullable=False),
    # Volumes whose names tell no host are those of the first.
    Column("is_first", Boolean, nullable=False),
    # By which a copy of the folder on a running machine is distinguished from it.
    Column("folder", String(80), nullable=False),
    # By the database's clock, and how far the host's was ahead of it.
    time_column("seen_at"),
    Column("clock_ahead_s", Float, nullable=False, server_default="0"),
    # Where its volumes are, and below what it receives nothing.
    Column("free_bytes", BigInteger),
    Column("free_disk_mark_bytes", BigInteger),
    # When its last process ended in order, or a command made the row; null while one runs.
    time_column("left_at", nullable=True),
)

# A digest of each key file that all hosts need to have; it outlasts the host that made them.
host_key = Table(
    "host_key",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("digest", String(64), nullable=False),
)

# The newest number of a deletion that any host has drawn; one row.
deletion_number = Table(
    "deletion_number",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

# The last time that somebody set the time of day; at most one row.
clock_step = Table(
    "clock_step",
    metadata,
    Column("at", UtcDateTime, primary_key=True),
    # Forward; negative is back.
    Column("seconds", BigInteger, nullable=False),
)

# The last backup that lacked nothing; at most one row.
last_backup = Table(
    "last_backup",
    metadata,
    Column("at", UtcDateTime, primary_key=True),
)

# What is wrong with the node at the moment, so that its beginning and its end are announced once.
node_condition = Table(
    "node_condition",
    metadata,
    Column("name", String(200), primary_key=True),
    time_column("since"),
    Column("is_announced", Boolean, nullable=False),
)

# What a process of a worker found at its GPUs; nothing of one that never used any.
gpu_memory = Table(
    "gpu_memory",
    metadata,
    Column("owner", String(120), primary_key=True),
    Column("device", Integer, primary_key=True),
    Column("host", String(80), nullable=False),
    Column("process", String(32), nullable=False),
    Column("name", String(80), nullable=False),
    Column("free_bytes", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("reserved_bytes", BigInteger, nullable=False),
    time_column("at"),
)
