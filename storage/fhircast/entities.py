"""What the hub keeps: topics, contexts, subscriptions, events to be sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.fhircast.messages import CastMessage


@dataclass(frozen=True)
class Topic:
    topic: str
    owner_id: str
    owner_name: str
    joined_topic: str
    """Of another system's hub; empty: none."""
    served_until: datetime | None = None
    """Of the lease of the process that passes events on between the two hubs."""
    claimed_groups: tuple[str, ...] = ()
    """Those of an identity provider, as the owner had them last."""


@dataclass(frozen=True)
class Context:
    """What is open: by which event, in which version, with what was shared within it."""

    anchor: str
    version_id: str
    study_instance_uid: str
    opened: CastMessage
    content: list[dict[str, Any]]


@dataclass(frozen=True)
class Subscription:
    endpoint_hash: str
    topic: str
    events: tuple[str, ...]
    name: str
    identity_id: str
    kind: str
    key_id: str
    session_hash: str
    connection_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Announced:
    number: int
    message: CastMessage
    not_for: str
