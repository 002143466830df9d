"""Workitems of the unified worklist (PS3.4 CC), and who listens to them."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from storage.tables.base import Uid, metadata, text_column, time_column

work_item = Table(
    "work_item",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("state", String(16), nullable=False),
    text_column("performer"),
    text_column("transaction_uid"),
    Column("job_ids", JSON, nullable=False),
    text_column("study_instance_uid"),
    text_column("patient_id"),
    Column("attributes", JSON, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    # The identity or address that made it (`storage.core.callers.shares`); empty: the node.
    text_column("created_by"),
    # As in `worklist_item`.
    Column("orderer_groups", Text),
    time_column("created_at"),
    time_column("updated_at"),
    # Of another system's item that this node performs: that system by its name, the claim there,
    # and as of which `updated_at` that system knows it.
    text_column("source"),
    text_column("source_transaction_uid"),
    time_column("reported_at", nullable=True),
    Index("ix_work_item_source", "source"),
    Index("ix_work_item_created_by", "created_by", "state", "size_bytes"),
    Index("ix_work_item_state_performer", "state", "performer"),
    Index("ix_work_item_study_instance_uid", "study_instance_uid"),
    Index("ix_work_item_created_at", "created_at"),
)

# Studies that an item names beside the one that it is about. They outlast it, for its events.
work_item_study = Table(
    "work_item_study",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, primary_key=True),
)

gone_work_item = Table(
    "gone_work_item",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    time_column("gone_at"),
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("event_id", BigInteger, nullable=False),
    # Who subscribed (`Identity.id`) and its access groups; null: an earlier version noted nobody.
    Column("identity_id", Text),
    Column("group_ids", JSON),
    # Up to which event it got reports by DIMSE; null: none are sent to it.
    Column("dimse_event_id", BigInteger),
    # The lease of who sends them, or when they are tried again.
    text_column("lease_owner"),
    time_column("next_attempt_at", nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    text_column("last_error"),
    time_column("updated_at"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("workitem_uid", Uid, primary_key=True, index=True),
    Column("state", String(16), nullable=False),
    Column("deletion_lock", Boolean, nullable=False),
    Column("filter", JSON, nullable=False),
    time_column("changed_at"),
)
