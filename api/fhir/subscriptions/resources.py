"""Subscription and SubscriptionTopic as R4 and R5 have them."""

from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import ConfigDict

from api.fhir.subscriptions.filters import CATEGORIES, PATIENT_FILTERS
from inference.fhir.r5 import FhirVersion, Json
from inference.fhir.resources import Resource
from inference.fhir.types import meta
from inference.fhir_subscriptions.notifications import BACKPORT, topic_url
from storage.core.clock import rfc3339
from storage.fhir_subscriptions.entities import FhirSubscription
from storage.fhir_subscriptions.topics import Topic

FHIR_JSON = "application/fhir+json"
_CHANNELS = "http://terminology.hl7.org/CodeSystem/subscription-channel-type"
_TYPES = "http://hl7.org/fhir/StructureDefinition"
# When the topics last changed.
_DATE = "2026-11-30"


class SubscriptionResource(Resource):
    """What is asked for and how it stands. Headers are not answered: they are secrets."""

    model_config = ConfigDict(extra="allow")
    resource_type: Literal["Subscription"] = "Subscription"


class SubscriptionTopicResource(Resource):
    """What may be subscribed to."""

    model_config = ConfigDict(extra="allow")
    resource_type: Literal["SubscriptionTopic"] = "SubscriptionTopic"


class SubscriptionStatusBundle(Resource):
    """`$status` of one subscription: Parameters with R4, SubscriptionStatus with R5."""

    model_config = ConfigDict(extra="allow")
    resource_type: Literal["Bundle"] = "Bundle"


def subscription_resource(
    subscription: FhirSubscription, version: FhirVersion
) -> SubscriptionResource:
    content = _r5(subscription) if version == "R5" else _r4(subscription)
    own: dict[str, Any] = {
        "id": subscription.subscription_id,
        "meta": meta(subscription.updated_at),
        "status": subscription.status,
    }
    if subscription.ends_at:
        own["end"] = rfc3339(subscription.ends_at)
    return SubscriptionResource.model_validate({**own, **content})


def _r5(subscription: FhirSubscription) -> Json:
    found: Json = {
        "topic": topic_url(subscription.topic),
        "channelType": {"system": _CHANNELS, "code": "rest-hook"},
        "endpoint": subscription.endpoint,
        "timeout": subscription.timeout_s or None,
        "heartbeatPeriod": subscription.heartbeat_s or None,
        "contentType": FHIR_JSON,
        "content": subscription.content,
        "maxCount": subscription.max_count,
    }
    if subscription.reason:
        found["reason"] = subscription.reason
    if subscription.filters:
        found["filterBy"] = [_filter(name, value) for name, value in subscription.filters]
    return {name: value for name, value in found.items() if value is not None}


def _filter(name: str, value: str) -> Json:
    parameter, _, modifier = name.partition(":")
    found = {"filterParameter": parameter, "value": value}
    return found | {"modifier": modifier} if modifier else found


def _r4(subscription: FhirSubscription) -> Json:
    channel: Json = {
        "type": "rest-hook",
        "endpoint": subscription.endpoint,
        "payload": FHIR_JSON,
        "_payload": {
            "extension": [_extended("payload-content", "valueCode", subscription.content)]
        },
    }
    extensions = [
        _extended(name, kind, value)
        for name, kind, value in (
            ("heartbeat-period", "valueUnsignedInt", subscription.heartbeat_s),
            ("timeout", "valueUnsignedInt", subscription.timeout_s),
            ("max-count", "valuePositiveInt", subscription.max_count),
        )
        if value
    ]
    if extensions:
        channel["extension"] = extensions
    found: Json = {
        # R4 requires one.
        "reason": subscription.reason or "None was given",
        "criteria": topic_url(subscription.topic),
        "channel": channel,
    }
    if subscription.filters:
        criteria = "?" + urlencode(subscription.filters, safe="|,/:")
        found["_criteria"] = {"extension": [_extended("filter-criteria", "valueString", criteria)]}
    if subscription.error:
        found["error"] = subscription.error
    return found


def _extended(name: str, kind: str, value: object) -> Json:
    return {"url": f"{BACKPORT}/backport-{name}", kind: value}


def topic_resource(topic: Topic, version: FhirVersion) -> SubscriptionTopicResource:
    """What R5 and R4B, which has this resource, have in common."""
    kind = topic.resource_type if version == "R5" else f"{_TYPES}/{topic.resource_type}"
    names = [*PATIENT_FILTERS, *(("category",) if topic.resource_type in CATEGORIES else ())]
    return SubscriptionTopicResource.model_validate(
        {
            "id": topic.topic_id,
            "url": topic_url(topic.topic_id),
            "version": "1.0.0",
            "title": topic.title,
            "status": "active",
            "date": _DATE,
            "description": topic.description,
            "resourceTrigger": [
                {
                    "description": topic.description,
                    "resource": kind,
                    "supportedInteraction": ["create", "update"],
                }
            ],
            "canFilterBy": [
                {
                    "description": "As in a search of the resource.",
                    "resource": kind,
                    "filterParameter": name,
                }
                for name in names
            ],
            "notificationShape": [{"resource": kind}],
        }
    )
