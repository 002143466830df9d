"""SyncErrors of the hub: somebody did not follow (FHIRcast 3.0.0, 2.5, 3.2.1)."""

import uuid

from storage.core.clock import rfc3339, utcnow
from storage.core.errors import MediViewError
from storage.fhircast.event_names import SYNC_ERROR
from storage.fhircast.events import FhircastEvents
from storage.fhircast.messages import CastMessage
from storage.fhircast.shares import hub_for

_SYSTEM = "https://fhircast.hl7.org/events/syncerror"


def announce_sync_error(
    events: FhircastEvents,
    topic: str,
    name: str,
    what: str,
    event_id: str,
    event_name: str,
    *,
    of: str,
    not_for: str = "",
) -> None:
    """To all subscribers of the topic but the one that did not follow, which is named.

    `of`: the identity of that one, whose share of what the hub announces it takes.
    """
    codings = [
        {"system": f"{_SYSTEM}/{kind}", "code": code}
        for kind, code in (
            ("eventid", event_id),
            ("eventname", event_name),
            ("subscriber", name),
        )
        if code
    ]
    issue = {
        "severity": "warning",
        "code": "processing",
        "diagnostics": f"{name} {what}",
        "details": {"coding": codings},
    }
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    event = {
        "hub.topic": topic,
        "hub.event": SYNC_ERROR,
        "context": [{"key": "operationoutcome", "resource": outcome}],
    }
    now = utcnow()
    message = {"timestamp": rfc3339(now), "id": str(uuid.uuid4()), "event": event}
    try:
        events.announce(
            CastMessage(message, SYNC_ERROR, topic),
            now,
            by=hub_for(of),
            not_for=not_for,
        )
    except MediViewError:
        # Too many at once: the others have had theirs.
        return
