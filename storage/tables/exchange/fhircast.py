"""FHIRcast: topics of people, what is open in each, who subscribed, and what was announced."""

from sqlalchemy import JSON, Column, Index, String, Table, Text

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

fhircast_topic = Table(
    "fhircast_topic",
    metadata,
    # Nobody guesses it.
    Column("topic", String(36), primary_key=True),
    # The identity whose session it is (`storage.core.callers.identity`), and the name shown.
    Column("owner_id", Text, nullable=False, unique=True),
    text_column("owner_name"),
    # Groups that the person's identity provider named last: they decide which programs take part.
    Column("claimed_groups", JSON),
    # The person's topic at another system's hub, and the process that passes events between both.
    text_column("joined_topic"),
    text_column("lease_owner"),
    time_column("lease_expires_at", nullable=True),
    time_column("created_at"),
)

fhircast_context = Table(
    "fhircast_context",
    metadata,
    Column("topic", String(36), primary_key=True),
    # Patient, ImagingStudy or DiagnosticReport.
    Column("anchor", String(32), primary_key=True),
    # Of the event that opened it: the highest is the current context.
    Column("number", BigId, nullable=False),
    Column("version_id", String(36), nullable=False),
    # Empty: not a study of this node.
    Column("study_instance_uid", Uid, nullable=False, server_default="", index=True),
    # Which groups a subscriber has to have besides (`storage.fhircast.event_studies`); empty: none.
    text_column("announcer_groups"),
    # JSON in ASCII: what strangers write may hold characters that no column takes.
    text_column("message"),
    # The resources that were shared within it, a JSON array.
    text_column("content"),
    time_column("opened_at"),
)

fhircast_event = Table(
    "fhircast_event",
    metadata,
    Column("number", BigId, primary_key=True, autoincrement=True),
    Column("topic", String(36), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, server_default="", index=True),
    text_column("announcer_groups"),
    text_column("message"),
    # A subscription that does not get it: a SyncError is for the others.
    Column("not_for", String(64), nullable=False, server_default=""),
    # Whose share of the topic it is: an identity, or the hub for one that did not follow.
    text_column("announced_by"),
    time_column("at"),
    Index("ix_fhircast_event_topic_number", "topic", "number"),
    Index("ix_fhircast_event_at", "at"),
    # Channels go on behind the number that they have sent; no other event may get it.
    sqlite_autoincrement=True,
)

fhircast_subscription = Table(
    "fhircast_subscription",
    metadata,
    # SHA-256 of the secret of the channel's address.
    Column("endpoint_hash", String(64), primary_key=True),
    Column("topic", String(36), nullable=False, index=True),
    Column("events", JSON, nullable=False),
    text_column("name"),
    # Who subscribed, and by what, so that a channel ends with the sign-in or the key.
    text_column("identity_id"),
    Column("kind", String(16), nullable=False),
    text_column("key_id"),
    text_column("session_hash"),
    # The connection that has it now; a new one takes it over.
    text_column("connection_id"),
    time_column("created_at"),
    time_column("expires_at"),
)
