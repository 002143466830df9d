"""Earlier studies of patients: searches in archives, what is fetched, and who looks for them."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import Uid, metadata, text_column, time_column

# One source is asked on behalf of one study or one order, by one rule.
prior_search = Table(
    "prior_search",
    metadata,
    Column("search_id", String(36), primary_key=True),
    Column("cause", String(16), nullable=False),
    # StudyInstanceUID, or the identifier of the worklist item.
    Column("subject", String(64), nullable=False),
    Column("rule", String(80), nullable=False),
    Column("source", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    # How many studies of the patient the source had, and how many of them are fetched for it.
    Column("found", Integer, nullable=False, server_default="0"),
    Column("wanted", Integer, nullable=False, server_default="0"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("cause", "subject", "rule", "source", name="uq_prior_search_subject"),
    Index("ix_prior_search_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_prior_search_updated_at", "updated_at"),
)

# A study comes from one source, no matter who wants it.
prior_fetch = Table(
    "prior_fetch",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column("source", String(80), nullable=False),
    # `source` of its instances (`storage.core.sources`), by which a study that a modality sends
    # meanwhile is distinguished from one that was fetched.
    Column("label", Text, nullable=False),
    Column("cause", String(16), nullable=False),
    text_column("rule"),
    # Whose it is to be; what an archive sends of somebody else is not taken.
    text_column("patient_id"),
    text_column("issuer_of_patient_id"),
    Column("send_results", Boolean, nullable=False),
    Column("route", Boolean, nullable=False),
    text_column("study_date"),
    text_column("study_description"),
    text_column("modalities"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    text_column("service"),
    Column("instances", Integer, nullable=False, server_default="0"),
    Column("instances_total", Integer, nullable=False, server_default="0"),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_prior_fetch_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_prior_fetch_updated_at", "updated_at"),
)

# Studies whose earlier studies are to be looked for again, for pipelines that take priors.
prior_due = Table(
    "prior_due",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("changed_at"),
    time_column("not_before"),
    # How often it could not be decided on since.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("ix_prior_due_not_before", "not_before"),
)

# One row while archives are left alone.
prior_pause = Table(
    "prior_pause",
    metadata,
    Column("pause_id", Integer, primary_key=True, autoincrement=False),
    time_column("since"),
)
