"""A subscription of FHIR, and what its notifications are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict

FhirVersionName = Literal["R4", "R5"]
Content = Literal["empty", "id-only", "full-resource"]
Status = Literal["requested", "active", "error", "off"]
NotificationType = Literal["handshake", "heartbeat", "event-notification"]
PatientKey = tuple[str, str | None]
"""Patient ID and its issuer; None: of any issuer."""


@dataclass(frozen=True)
class NewSubscription:
    """What a subscriber asks for. `heartbeat_s` and `timeout_s`: 0 where none is asked for.

    `patients`: all must hold, each by one of its alternatives; empty: of every patient.
    `max_count`: events of one notification.
    """

    topic: str
    fhir_version: FhirVersionName
    endpoint: str = field(repr=False)
    content: Content
    filters: tuple[tuple[str, str], ...] = field(repr=False)
    patients: tuple[tuple[PatientKey, ...], ...] = field(repr=False)
    heartbeat_s: int
    timeout_s: int
    max_count: int
    headers: tuple[str, ...] = field(repr=False)
    """Each as `Name: value`."""
    reason: str
    ends_at: datetime | None


@dataclass(frozen=True)
class FhirSubscription(NewSubscription):
    """One that is kept. `event_count`: events since it began, which is the number of the last."""

    subscription_id: str
    status: Status
    error: str
    event_count: int
    created_by_id: str
    created_at: datetime
    updated_at: datetime


class SubscriptionEvent(TypedDict):
    """One event within a notification that waits. `focus`: as `Observation/<id>`."""

    number: int
    at: str
    """RFC 3339."""
    focus: str
    study_instance_uid: str


@dataclass(frozen=True)
class Focus:
    """What changed, in which study, and when."""

    reference: str
    study_instance_uid: str
    at: datetime


Events = Sequence[SubscriptionEvent]
