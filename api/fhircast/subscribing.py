"""Subscribe and unsubscribe by a form (FHIRcast 3.0.0, 2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request

from api.access.principal import Principal
from api.bodies import form_fields
from api.dicomweb.lookups import PREFIX as DICOMWEB
from api.dicomweb.lookups import service_url
from api.fhircast.members import HubStorage
from api.fhircast.topic_groups import shares_a_group
from storage.core.callers.visibility import current_visibility
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotPermitted
from storage.core.text.outside_text import written_text
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.fhircast.entities import Topic
from storage.fhircast.event_names import subscribed
from storage.settings import Settings

HUB = "/fhircast"
CHANNELS = f"{HUB}/channels"
FORM_MAX_BYTES = 8192
_MAX_FIELDS = 16
_FIELDS = frozenset(
    {
        "hub.channel.type",
        "hub.mode",
        "hub.topic",
        "hub.events",
        "hub.lease_seconds",
        "hub.channel.endpoint",
        "subscriber.name",
    }
)


@dataclass(frozen=True)
class SubscriptionForm:
    mode: str
    topic: str
    events: list[str]
    lease_s: int
    endpoint: str
    name: str


def read_form(body: bytes, longest_s: int) -> SubscriptionForm:
    """Raises InvalidRequest naming the field."""
    if len(body) > FORM_MAX_BYTES:
        raise InvalidRequest(
            f"The form has more than {FORM_MAX_BYTES} bytes.", remedy="Send the fields of 2.4."
        )
    fields = form_fields(body, _MAX_FIELDS)
    form = dict(fields)
    if len(form) < len(fields):
        raise _refused("A field is given more than once")
    # Others may be of a later version, or a vendor's.
    known = {name: value.strip() for name, value in form.items() if name in _FIELDS}
    return _checked(known, longest_s)


def _checked(form: Mapping[str, str], longest_s: int) -> SubscriptionForm:
    if form.get("hub.channel.type") != "websocket":
        raise _refused("hub.channel.type is not 'websocket'")
    mode = form.get("hub.mode", "")
    if mode not in ("subscribe", "unsubscribe"):
        raise _refused("hub.mode is neither 'subscribe' nor 'unsubscribe'")
    if not form.get("hub.topic"):
        raise _refused("hub.topic is missing")
    endpoint = form.get("hub.channel.endpoint", "")
    # A request to unsubscribe from some events is one to unsubscribe from all (2.4.2).
    if mode == "unsubscribe" and not endpoint:
        raise _refused("hub.channel.endpoint is missing")
    lease_s = longest_s
    if "hub.lease_seconds" in form:
        asked = read_whole_number(form["hub.lease_seconds"])
        if asked is None or asked < 1:
            raise _refused("hub.lease_seconds is not a positive whole number")
        lease_s = min(asked, longest_s)
    return SubscriptionForm(
        mode,
        form["hub.topic"],
        subscribed(form.get("hub.events", "")) if mode == "subscribe" else [],
        lease_s,
        endpoint,
        written_text(form.get("subscriber.name", ""))[:80],
    )


def subscribe(
    request: Request, storage: HubStorage, principal: Principal, form: SubscriptionForm
) -> str:
    """The address of the channel. Raises NotFound, NotPermitted, TooManyRequests."""
    check_topic(storage, principal, form.topic)
    subscriptions, now = storage.fhircast_subscriptions, utcnow()
    if form.mode == "unsubscribe":
        subscriptions.end(_secret(form.endpoint), form.topic, principal.identity.id)
        return form.endpoint
    expires_at = now + timedelta(seconds=form.lease_s)
    if form.endpoint:
        secret = _secret(form.endpoint)
        subscriptions.renew(secret, form.topic, principal.identity.id, form.events, expires_at)
        return form.endpoint
    if principal.kind == "oidc" and not principal.session_hash:
        raise NotPermitted(
            "A channel lasts longer than an access token of the identity provider.",
            remedy="Subscribe with an API key of this node, or as a person who signed in.",
        )
    secret = subscriptions.add(
        form.topic,
        form.events,
        form.name or principal.name,
        identity_id=principal.identity.id,
        kind=principal.kind,
        key_id=principal.identity.subject if principal.kind == "key" else "",
        session_hash=principal.session_hash,
        now=now,
        expires_at=expires_at,
    )
    scheme, _, rest = hub_url(request, storage.settings).partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/channels/{secret}"


def check_topic(storage: HubStorage, principal: Principal, topic: str) -> None:
    """People have their own topic alone; a program that was given one may take part.

    Raises NotFound, also for the topic of somebody else.
    """
    check_takes_part(storage, principal, storage.fhircast_topics.find(topic))


def check_takes_part(storage: HubStorage, principal: Principal, topic: Topic) -> None:
    """Raises NotFound as for a topic that is not there."""
    if topic.owner_id == principal.identity.id:
        return
    if principal.kind != "key" or not shares_a_group(storage.engine, topic, current_visibility()):
        storage.fhircast_topics.find("")


def hub_url(request: Request, settings: Settings) -> str:
    """`hub.url` as the client reaches it."""
    return service_url(request, settings).removesuffix(DICOMWEB) + HUB


def _secret(endpoint: str) -> str:
    return urlsplit(endpoint).path.rstrip("/").rpartition("/")[2] if len(endpoint) < 2048 else ""


def _refused(what: str) -> InvalidRequest:
    return InvalidRequest(f"{what}.", remedy="Subscribe as FHIRcast 3.0.0 describes it (2.4).")
