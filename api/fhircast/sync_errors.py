"""SyncErrors of the hub: somebody did not follow (FHIRcast 3.0.0, 2.5, 3.2.1)."""

import uuid

from storage.core.clock import rfc3339, utcnow
from storage.core.errors import MediViewError
from storage.fhircast.entities import Subscription
from storage.fhircast.event_names import SYNC_ERROR
from storage.fhircast.messages import CastMessage
from storage.fhircast.repository import FhircastTopics

_SYSTEM = "https://fhircast.hl7.org/events/syncerror"


def announce_sync_error(
    topics: FhircastTopics, subscription: Subscription, what: str, event_id: str, event_name: str
) -> None:
    """To all subscribers of the topic but the one that did not follow."""
    codings = [
        {"system": f"{_SYSTEM}/{kind}", "code": code}
        for kind, code in (
            ("eventid", event_id),
            ("eventname", event_name),
            ("subscriber", subscription.name),
        )
        if code
    ]
    issue = {
        "severity": "warning",
        "code": "processing",
        "diagnostics": f"{subscription.name} {what}",
        "details": {"coding": codings},
    }
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    event = {
        "hub.topic": subscription.topic,
        "hub.event": SYNC_ERROR,
        "context": [{"key": "operationoutcome", "resource": outcome}],
    }
    now = utcnow()
    message = {"timestamp": rfc3339(now), "id": str(uuid.uuid4()), "event": event}
    try:
        topics.announce(
            CastMessage(message, SYNC_ERROR, subscription.topic),
            now,
            not_for=subscription.endpoint_hash,
        )
    except MediViewError:
        # Too many at once: the others have had theirs.
        return
