"""Send what waits for a subscription of FHIR, as its owner may see it by now."""

import json
import time
from typing import Any, Protocol, cast

from inference.fhir.r5 import Json
from inference.fhir_subscriptions.notifications import notification
from inference.fhir_subscriptions.resources import ResourceStorage, read_resources
from inference.webhooks.posting import JSON_HEADERS, Answered, post_to
from inference.webhooks.signing import signed_headers
from storage.access_groups.visibility import unseen
from storage.audit import NODE, AuditEvent, Code
from storage.container.has import HasAudit, HasFhirSubscriptions
from storage.core.callers.visibility import limited_to
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, NotFound
from storage.fhir_subscriptions.entities import (
    FhirSubscription,
    NotificationType,
    SubscriptionEvent,
)
from storage.webhooks.entities import WebhookDelivery
from storage.webhooks.repository import Webhook

_MEDIA_TYPES = {"R4": "application/fhir+json", "R5": "application/fhir+json; fhirVersion=5.0"}


class SubscriptionStorage(ResourceStorage, HasAudit, HasFhirSubscriptions, Protocol):
    """What of the storage layer subscribers are notified with."""


def send_notification(
    storage: SubscriptionStorage, hook: Webhook, notice: WebhookDelivery
) -> Answered:
    """One request. Never raises for what the receiver or the network does."""
    if not hook.secret:
        return Answered(False, "Its secret cannot be read any more; subscribe again.", None, 0.0)
    try:
        subscription = storage.fhir_subscriptions.get(hook.webhook_id)
        body = _body(storage, subscription, notice)
    except NotFound as error:
        return Answered(False, error.message, None, 0.0, is_final=True)
    except MediViewError as error:
        return Answered(False, error.message, None, 0.0)
    own = dict(line.split(": ", 1) for line in subscription.headers)
    headers = {
        **own,
        **JSON_HEADERS,
        "Content-Type": _MEDIA_TYPES[subscription.fhir_version],
        **signed_headers(hook.secret, notice.delivery_id, int(time.time()), body),
    }
    settings = storage.settings
    limit_s = min(subscription.timeout_s or settings.webhook_timeout_s, settings.webhook_timeout_s)
    return post_to(settings, hook.url, headers, body, limit_s)


def _body(
    storage: SubscriptionStorage, subscription: FhirSubscription, notice: WebhookDelivery
) -> bytes:
    """Raises NotFound once it is deleted, and StorageUnavailable."""
    data = cast(dict[str, Any], notice.payload["data"])
    events: list[SubscriptionEvent] = data.get("events", [])
    resources: dict[str, Json] = {}
    visibility = storage.fhir_subscriptions.visibility(subscription.subscription_id)
    hidden = unseen(storage.engine, visibility, {one["study_instance_uid"] for one in events})
    # It waited, and groups may have changed since. Its number stays, lest one be missed.
    events = [
        {**one, "focus": ""} if one["study_instance_uid"] in hidden else one for one in events
    ]
    if subscription.content == "full-resource":
        with limited_to(visibility):
            resources = read_resources(
                storage, [one["focus"] for one in events if one["focus"]], subscription.fhir_version
            )
        _note_export(storage, subscription, events, resources)
    bundle = notification(
        subscription,
        f"{storage.settings.resolved_public_url}/fhir",
        notice.delivery_id,
        cast(NotificationType, notice.event_type),
        events,
        resources,
        utcnow(),
    )
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def _note_export(
    storage: SubscriptionStorage,
    subscription: FhirSubscription,
    events: list[SubscriptionEvent],
    resources: dict[str, Json],
) -> None:
    """Patients leave by name. Raises StorageUnavailable where the trail fails closed."""
    studies = dict.fromkeys(
        one["study_instance_uid"] for one in events if one["focus"] in resources
    )
    if studies:
        storage.audit.record(
            AuditEvent(
                Code.EXPORT,
                "R",
                NODE,
                study_instance_uids=tuple(studies),
                detail={
                    "via": "fhir subscription",
                    "subscription_id": subscription.subscription_id,
                },
            )
        )
