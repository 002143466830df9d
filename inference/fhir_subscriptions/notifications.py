"""Notifications as bundles: of R5, and of R4 as the Subscriptions R5 Backport has them (STU 1.1).

hl7.org/fhir/R5/subscriptionstatus.html, hl7.org/fhir/uv/subscriptions-backport/notifications.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from inference.fhir.r5 import Json
from inference.fhir.types import OWN
from storage.core.clock import rfc3339
from storage.fhir_subscriptions.entities import (
    FhirSubscription,
    NotificationType,
    Status,
    SubscriptionEvent,
)

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
StatusType = NotificationType | Literal["query-status"]
_CHANGED = {"method": "PUT"}


def topic_url(topic_id: str) -> str:
    return f"{OWN}:subscription-topic:{topic_id}"


def notification(
    subscription: FhirSubscription,
    base: str,
    notification_id: str,
    kind: NotificationType,
    events: Sequence[SubscriptionEvent],
    resources: Mapping[str, Json],
    at: datetime,
) -> Json:
    """The bundle. `resources`: by reference, those that it carries (`full-resource`).

    An event without `focus` says only that something happened.
    """
    is_r5 = subscription.fhir_version == "R5"
    # What is sent is a sign of life: a subscriber that takes it is active.
    status = status_resource(subscription, base, kind, events, "active")
    bundle: Json = {
        "resourceType": "Bundle",
        "id": notification_id,
        "type": "subscription-notification" if is_r5 else "history",
        "timestamp": rfc3339(at),
        "entry": [
            {
                "fullUrl": f"urn:uuid:{notification_id}",
                "resource": status,
                "request": {
                    "method": "GET",
                    "url": f"Subscription/{subscription.subscription_id}/$status",
                },
                "response": {"status": "200"},
            }
        ],
    }
    if not is_r5:
        bundle["meta"] = {"profile": [f"{BACKPORT}/backport-subscription-notification-r4"]}
    if subscription.content != "empty":
        for reference in dict.fromkeys(one["focus"] for one in events if one["focus"]):
            entry: Json = {"fullUrl": f"{base}/{reference}"}
            if reference in resources:
                entry["resource"] = resources[reference]
            entry |= {"request": _CHANGED | {"url": reference}, "response": {"status": "200"}}
            bundle["entry"].append(entry)
    return bundle


def status_resource(
    subscription: FhirSubscription,
    base: str,
    kind: StatusType,
    events: Sequence[SubscriptionEvent] = (),
    status: Status | None = None,
) -> Json:
    """How the subscription stands. `status`: in place of its own."""
    make = _r5_status if subscription.fhir_version == "R5" else _r4_status
    last = max((one["number"] for one in events), default=subscription.event_count)
    return make(subscription, base, kind, events, status or subscription.status, last)


def _r5_status(
    subscription: FhirSubscription,
    base: str,
    kind: StatusType,
    events: Sequence[SubscriptionEvent],
    status: Status,
    last: int,
) -> Json:
    found: Json = {
        "resourceType": "SubscriptionStatus",
        "status": status,
        "type": kind,
        "eventsSinceSubscriptionStart": str(last),
        "subscription": {"reference": _url(subscription, base)},
        "topic": topic_url(subscription.topic),
    }
    if events:
        found["notificationEvent"] = [
            {
                "eventNumber": str(one["number"]),
                "timestamp": one["at"],
                **_focus(subscription, base, one),
            }
            for one in events
        ]
    if subscription.error and kind == "query-status":
        found["error"] = [{"text": subscription.error}]
    return found


def _r4_status(
    subscription: FhirSubscription,
    base: str,
    kind: StatusType,
    events: Sequence[SubscriptionEvent],
    status: Status,
    last: int,
) -> Json:
    parameters: list[dict[str, Any]] = [
        {
            "name": "subscription",
            "valueReference": {"reference": _url(subscription, base)},
        },
        {"name": "topic", "valueCanonical": topic_url(subscription.topic)},
        {"name": "status", "valueCode": status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(last)},
    ]
    for one in events:
        parts: list[dict[str, Any]] = [
            {"name": "event-number", "valueString": str(one["number"])},
            {"name": "timestamp", "valueInstant": one["at"]},
        ]
        if focus := _focus(subscription, base, one):
            parts.append({"name": "focus", "valueReference": focus["focus"]})
        parameters.append({"name": "notification-event", "part": parts})
    if subscription.error and kind == "query-status":
        parameters.append({"name": "error", "valueCodeableConcept": {"text": subscription.error}})
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [f"{BACKPORT}/backport-subscription-status-r4"]},
        "parameter": parameters,
    }


def _focus(subscription: FhirSubscription, base: str, event: SubscriptionEvent) -> Json:
    if subscription.content == "empty" or not event["focus"]:
        return {}
    return {"focus": {"reference": f"{base}/{event['focus']}"}}


def _url(subscription: FhirSubscription, base: str) -> str:
    return f"{base}/Subscription/{subscription.subscription_id}"
