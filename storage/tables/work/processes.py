"""Processes of the node, and signs of life."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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

# The last time that somebody set the time of day; at most one row.
clock_step = Table(
    "clock_step",
    metadata,
    Column("at", UtcDateTime, primary_key=True),
    # Forward; negative is back.
    Column("seconds", BigInteger, nullable=False),
)

# What is wrong with the node at the moment, so that its beginning and its end are announced once.
node_condition = Table(
    "node_condition",
    metadata,
    Column("name", String(200), primary_key=True),
    time_column("since"),
    Column("is_announced", Boolean, nullable=False),
)
