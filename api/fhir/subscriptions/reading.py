"""A Subscription that somebody sends: checked by `fhir.resources`, then as the node keeps it.

Both forms are taken, and distinguished by what only one has: `topic` of R5 and `channel` of R4
(hl7.org/fhir/R5/subscription.html, hl7.org/fhir/uv/subscriptions-backport STU 1.1). What is wrong
is named by its place; values are not repeated, since filters name patients and headers are secrets.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple, NoReturn, cast

from api.errors import MISMATCH_TITLE, ApiProblem
from api.fhir.bodies import checked_resource, decoded_resource
from api.fhir.responses import FHIR_JSON
from api.fhir.subscriptions.filters import Filters, read_filters
from inference.fhir_subscriptions.notifications import BACKPORT, topic_url
from storage.core.clock import utcnow
from storage.fhir_subscriptions.entities import Content, FhirVersionName, NewSubscription
from storage.fhir_subscriptions.topics import TOPICS
from storage.http.header_names import is_token_header

_MAX_ELEMENTS = 1000
_MOST_EVENTS, _DEFAULT_EVENTS = 500, 100
_LEAST_HEARTBEAT_S, _MOST_HEARTBEAT_S = 10, 86_400
_MOST_TIMEOUT_S = 60
_URL_MAX, _REASON_MAX = 2000, 200
_MOST_HEADERS = 8
# RFC 9110 5.5, without what is not ASCII.
_HEADER = re.compile(r"([^:\s]{1,100}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]{0,2046}[\x21-\x7e])?)")
_SIGNATURE = "webhook-"
_CONTENTS = ("empty", "id-only", "full-resource")
_R4_TIME = "Subscription.end"


class _Stated(NamedTuple):
    """What both forms state, with where it stands in that one."""

    version: FhirVersionName
    topic: str
    topic_place: str
    channel: str
    channel_place: str
    endpoint: str
    endpoint_place: str
    content: str
    content_place: str
    media_type: str
    media_type_place: str
    heartbeat_s: int
    timeout_s: int
    max_count: int
    headers: Sequence[str]
    headers_place: str


def read_subscription(body: bytes, relative: Callable[[str], str]) -> NewSubscription:
    """`relative`: a reference to this server by its path alone. Raises ApiProblem."""
    decoded = decoded_resource(body, "Subscription", _MAX_ELEMENTS, _refusal)
    is_r5 = "topic" in decoded or "channelType" in decoded
    checked = _checked(decoded, is_r5)
    stated = _r5(decoded) if is_r5 else _r4(decoded)
    topic = next((one for one in TOPICS.values() if topic_url(one.topic_id) == stated.topic), None)
    if topic is None:
        _refuse(
            stated.topic_place,
            "is not a topic of this node",
            "GET /fhir/SubscriptionTopic lists them.",
        )
    if decoded.get("status") not in ("requested", "active"):
        _refuse("Subscription.status", "is not 'requested'")
    if stated.channel != "rest-hook":
        _refuse(stated.channel_place, "is not 'rest-hook', the only channel here")
    if not stated.endpoint or len(stated.endpoint) > _URL_MAX:
        _refuse(stated.endpoint_place, "is missing or too long")
    if stated.content not in _CONTENTS:
        _refuse(stated.content_place, f"is none of {', '.join(_CONTENTS)}")
    if stated.media_type.partition(";")[0].strip() not in (FHIR_JSON, "application/json"):
        _refuse(stated.media_type_place, f"is not {FHIR_JSON}")
    if stated.heartbeat_s and not _LEAST_HEARTBEAT_S <= stated.heartbeat_s <= _MOST_HEARTBEAT_S:
        _refuse(
            "The heartbeat's period",
            f"is not between {_LEAST_HEARTBEAT_S} and {_MOST_HEARTBEAT_S} s",
        )
    if stated.timeout_s > _MOST_TIMEOUT_S:
        _refuse("The timeout", f"is longer than {_MOST_TIMEOUT_S} s")
    if stated.max_count > _MOST_EVENTS:
        _refuse("maxCount", f"is more than {_MOST_EVENTS}")
    filters = _filters(decoded, is_r5, topic.resource_type, relative)
    return NewSubscription(
        topic=topic.topic_id,
        fhir_version=stated.version,
        endpoint=stated.endpoint,
        content=cast(Content, stated.content),
        filters=filters.stated,
        patients=filters.patients,
        heartbeat_s=stated.heartbeat_s,
        timeout_s=stated.timeout_s,
        max_count=stated.max_count or _DEFAULT_EVENTS,
        headers=_headers(stated.headers, stated.headers_place),
        reason=str(decoded.get("reason") or "")[:_REASON_MAX],
        ends_at=_end(checked.end),
    )


def _checked(decoded: dict[str, Any], is_r5: bool) -> Any:
    # Half a second, which a node without subscriptions need not take.
    version, module = ("R5", "") if is_r5 else ("R4", "R4B.")
    model: Any = import_module(f"fhir.resources.{module}subscription").Subscription
    return checked_resource(model, decoded, version, _refusal)


def _r5(decoded: Mapping[str, Any]) -> _Stated:
    return _Stated(
        "R5",
        str(decoded.get("topic") or ""),
        "Subscription.topic",
        str(decoded.get("channelType", {}).get("code") or ""),
        "Subscription.channelType",
        str(decoded.get("endpoint") or ""),
        "Subscription.endpoint",
        str(decoded.get("content") or "id-only"),
        "Subscription.content",
        str(decoded.get("contentType") or FHIR_JSON),
        "Subscription.contentType",
        int(decoded.get("heartbeatPeriod") or 0),
        int(decoded.get("timeout") or 0),
        int(decoded.get("maxCount") or 0),
        [f"{one.get('name')}: {one.get('value')}" for one in decoded.get("parameter") or ()],
        "Subscription.parameter",
    )


def _r4(decoded: Mapping[str, Any]) -> _Stated:
    channel: Mapping[str, Any] = decoded.get("channel") or {}
    payload = _extension(channel.get("_payload"), "backport-payload-content")
    return _Stated(
        "R4",
        str(decoded.get("criteria") or ""),
        "Subscription.criteria",
        str(channel.get("type") or ""),
        "Subscription.channel.type",
        str(channel.get("endpoint") or ""),
        "Subscription.channel.endpoint",
        str(payload or "id-only"),
        "The extension backport-payload-content",
        str(channel.get("payload") or FHIR_JSON),
        "Subscription.channel.payload",
        _number(channel, "backport-heartbeat-period"),
        _number(channel, "backport-timeout"),
        _number(channel, "backport-max-count"),
        [str(one) for one in channel.get("header") or ()],
        "Subscription.channel.header",
    )


def _filters(
    decoded: Mapping[str, Any],
    is_r5: bool,
    resource_type: str,
    relative: Callable[[str], str],
) -> Filters:
    if not is_r5:
        extended = decoded.get("_criteria")
        criteria = _extensions(extended, "backport-filter-criteria")
        return read_filters([str(one) for one in criteria], resource_type, relative)
    stated = []
    for one in decoded.get("filterBy") or ():
        if one.get("comparator") or (one.get("modifier") or "identifier") != "identifier":
            _refuse(
                "Subscription.filterBy",
                "has a comparator or a modifier, which no filter here takes",
            )
        kind = str(one.get("resourceType") or resource_type).rpartition("/")[2]
        name = str(one.get("filterParameter") or "").rpartition("/")[2]
        modifier = ":identifier" if one.get("modifier") else ""
        stated.append((kind, f"{name}{modifier}", str(one.get("value") or "")))
    return read_filters(stated, resource_type, relative)


def _extension(element: Any, name: str) -> Any:
    found = _extensions(element, name)
    return found[0] if found else None


def _extensions(element: Any, name: str) -> list[Any]:
    """The values of an extension of the backport, in order."""
    stated = element.get("extension") if isinstance(element, dict) else None
    return [
        value
        for one in stated or ()
        if isinstance(one, dict) and one.get("url") == f"{BACKPORT}/{name}"
        for key, value in one.items()
        if key.startswith("value")
    ]


def _number(channel: Mapping[str, Any], name: str) -> int:
    value = _extension(channel, name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        _refuse(f"The extension {name}", "is not a whole number")
    return value


def _headers(lines: Sequence[str], place: str) -> tuple[str, ...]:
    if len(lines) > _MOST_HEADERS:
        _refuse(place, f"has more than {_MOST_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            _refuse(place, "is not written as 'Name: value'")
        name = match[1].lower()
        if not is_token_header(name) or name.startswith(_SIGNATURE) or name in headers:
            _refuse(place, "names a header that the node writes itself, or one twice")
        headers[name] = f"{match[1]}: {match[2]}"
    return tuple(headers.values())


def _end(end: Any) -> datetime | None:
    if end is None:
        return None
    if not isinstance(end, datetime) or end.tzinfo is None or end <= utcnow():
        _refuse(_R4_TIME, "is not a time that is still to come, with its zone")
    return end


def _refuse(place: str, what: str, remedy: str = "") -> NoReturn:
    raise _refusal(place, what, remedy)


def _refusal(place: str, what: str, remedy: str = "") -> ApiProblem:
    return ApiProblem(
        422,
        "validation_failed",
        f"{place} {what}.",
        title=MISMATCH_TITLE,
        remedy=remedy or "docs/fhir.md lists what a subscription may state.",
        extra={"issue": "business-rule"},
    )
