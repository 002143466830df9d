"""Orders, as modalities ask for them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from storage.tables.base import Uid, metadata, text_column, time_column

worklist_item = Table(
    "worklist_item",
    metadata,
    Column("worklist_item_id", String(36), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    text_column("accession_number", index=True),
    # Who issued it (`storage.core.accession_issuers`).
    text_column("accession_number_namespace"),
    text_column("accession_number_system"),
    text_column("start"),
    Column("attributes", JSON, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    # The identity or address that ordered it (`storage.core.callers.shares`); empty: nobody knows.
    text_column("sent_by"),
    # The access groups of who ordered it, between commas (`storage.access_groups.orders`); none: of
    # somebody who sees everything.
    Column("orderer_groups", Text),
    # As the item was when the rules of priors were asked about it; none: never.
    time_column("priors_asked_at", nullable=True),
    # When the newest HL7 order about it was made, by its sender; none: no order.
    time_column("ordered_at", nullable=True),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_worklist_item_state_start", "state", "start"),
    Index("ix_worklist_item_updated_at", "updated_at"),
    Index("ix_worklist_item_sent_by", "sent_by", "size_bytes"),
)

# Studies of which an order came or changed after their images, until the rules were asked again.
order_due = Table(
    "order_due",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("changed_at"),
    time_column("not_before"),
    # How often it failed since.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("ix_order_due_not_before", "not_before"),
)
