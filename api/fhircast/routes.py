"""The hub's one address, the current context of a topic, and whose topic it is."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import as_caller
from api.access.policy import ANYONE, READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.audit.middleware import add_detail, name_studies
from api.audit_rules import OWN_ACCESS, PUBLIC, READ, SUBSCRIBED
from api.bodies import FORM, media_type_of
from api.deps import StorageDep
from api.errors import ApiProblem
from api.fhircast.members import HubStorage
from api.fhircast.opened_studies import announce_study
from api.fhircast.schemas import (
    AnnouncedEvent,
    CurrentContext,
    FhircastTopic,
    HubConfiguration,
    JoinedTopic,
    OpenedStudy,
)
from api.fhircast.subscribing import (
    FORM_MAX_BYTES,
    HUB,
    check_takes_part,
    check_topic,
    hub_url,
    read_form,
    subscribe,
)
from api.middleware import limited
from api.parameters import problems
from api.router_factory import new_router
from storage.core.clock import utcnow
from storage.core.errors import LimitExceeded, NotConfigured, NotFound, NotPermitted
from storage.fhircast.entities import Topic
from storage.fhircast.event_names import SUPPORTED
from storage.fhircast.event_studies import SEVERAL_STUDIES
from storage.fhircast.messages import MESSAGE_MAX_BYTES, read_message

router = new_router(tags=["fhircast"])

TopicName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="`hub.topic` of a person.")
]
_TEXT = {"type": "string", "maxLength": FORM_MAX_BYTES}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["hub.channel.type", "hub.mode", "hub.topic"],
                    "properties": {
                        "hub.channel.type": {"type": "string", "enum": ["websocket"]},
                        "hub.mode": {"type": "string", "enum": ["subscribe", "unsubscribe"]},
                        "hub.topic": _TEXT,
                        "hub.events": _TEXT,
                        "hub.lease_seconds": _TEXT,
                        "hub.channel.endpoint": _TEXT,
                        "subscriber.name": _TEXT,
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["id", "timestamp", "event"],
                    "properties": {
                        "id": {"type": "string", "maxLength": 128},
                        "timestamp": {"type": "string", "format": "date-time"},
                        "event": {"type": "object"},
                    },
                }
            },
        },
    }
}


@router.post(
    HUB,
    status_code=202,
    summary="Subscribe to a topic, or announce an event",
    response_model=dict[str, str],
    responses=problems(400, 404, 409, 412, 413, 415),
    openapi_extra=_BODY,
)
@policy(READERS, "fhircast:read", SUBSCRIBED)
async def ask_hub(request: Request, storage: StorageDep, principal: PrincipalDep) -> Response:
    """A form subscribes (FHIRcast 3.0.0, 2.4), JSON is an event (2.6), which needs fhircast:write.

    The answer to a subscription names the WebSocket, whose address is a secret.
    """
    _check_enabled(storage)
    media_type = media_type_of(request.headers)
    if media_type not in (FORM, "application/json", "application/fhir+json"):
        raise ApiProblem(
            415,
            "unsupported_media_type",
            "The body is neither a form nor JSON.",
            remedy=f"Subscribe with {FORM}, send events as application/json.",
        )
    body = await Request(request.scope, limited(request.receive, MESSAGE_MAX_BYTES)).body()
    if media_type == FORM:
        form = read_form(body, storage.settings.fhircast_lease_s)
        add_detail(request, subscriber=form.name, mode=form.mode)
        endpoint = await run_in_threadpool(subscribe, request, storage, principal, form)
        return JSONResponse({"hub.channel.endpoint": endpoint}, 202)
    return await run_in_threadpool(_announce, request, storage, principal, body)


@router.get(f"{HUB}/.well-known/fhircast-configuration", summary="What the hub can do")
@policy(ANYONE, "fhircast:read", PUBLIC)
def read_hub_configuration(storage: StorageDep) -> HubConfiguration:
    """Events, version and abilities (FHIRcast 3.0.0, 2.7)."""
    _check_enabled(storage)
    return HubConfiguration(eventsSupported=list(SUPPORTED))


@router.get(
    f"{HUB}/{{topic}}",
    summary="What is open in a topic",
    response_model_by_alias=True,
    responses=problems(404),
)
@policy(READERS, "fhircast:read", READ)
def read_current_context(
    request: Request, storage: StorageDep, principal: PrincipalDep, topic: TopicName
) -> CurrentContext:
    """The context that was opened last and not closed, with what was shared within it (2.9)."""
    _check_enabled(storage)
    check_topic(storage, principal, topic)
    contexts = as_caller(request, storage.fhircast_events.contexts, topic)
    if not contexts:
        return CurrentContext(context=[])
    current = contexts[-1]
    if current.study_instance_uid not in ("", SEVERAL_STUDIES):
        name_studies(request, current.study_instance_uid)
    content = {
        "resourceType": "Bundle",
        "type": "collection",
        **({"entry": [{"resource": one} for one in current.content]} if current.content else {}),
    }
    return CurrentContext(
        type=current.anchor,
        version_id=current.version_id,
        context=[*current.opened.event["context"], {"key": "content", "resource": content}],
    )


@router.get("/api/fhircast", summary="Where one's systems meet", responses=problems(403, 404, 409))
@policy(READERS, "fhircast:read", OWN_ACCESS)
def read_fhircast_topic(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    user: Annotated[
        str,
        Query(max_length=200, description="For a program: the name of the person it serves."),
    ] = "",
) -> FhircastTopic:
    """The hub's address and the topic of the one who asks; of `user` for an integrator's key."""
    if not storage.settings.fhircast:
        return FhircastTopic(enabled=False)
    return _shown(request, storage, _topic_of(storage, principal, user))


@router.put(
    "/api/fhircast/joined",
    summary="Join another system's hub",
    responses=problems(403, 404, 409, 503),
)
@policy(READERS, "fhircast:write", SUBSCRIBED)
def join_other_hub(
    request: Request, storage: StorageDep, principal: PrincipalDep, joined: JoinedTopic
) -> FhircastTopic:
    """Events of that topic there are events of one's own topic here, and the reverse, while a
    page of the viewer is open. For `user` by an integrator's key. Naming a topic there needs the
    role integrator or admin, since the node takes part in it under its own token; anybody ends
    one's own."""
    _check_enabled(storage)
    if joined.joined_topic and not principal.has_any({"integrator", "admin"}):
        raise NotPermitted(
            "Only integrators and administrators name a topic of the other hub.",
            remedy="Ask one of them to enter the topic of your desk.",
        )
    if joined.joined_topic and not storage.settings.fhircast_hub_url:
        raise NotConfigured(
            "This node joins no other hub.", remedy="An operator sets MEDIVIEW_FHIRCAST_HUB_URL."
        )
    topic = _topic_of(storage, principal, joined.user)
    add_detail(request, topic_of=topic.owner_name, joins=joined.joined_topic)
    return _shown(request, storage, storage.fhircast_topics.join(topic.topic, joined.joined_topic))


@router.post(
    "/api/fhircast/studies",
    status_code=202,
    summary="Announce that a study was opened or closed",
    responses=problems(404, 409),
)
@policy(READERS, "fhircast:write", SUBSCRIBED)
def announce_opened_study(
    request: Request, storage: StorageDep, principal: PrincipalDep, opened: OpenedStudy
) -> AnnouncedEvent:
    """To the other systems of the one who asks, as ImagingStudy-open or ImagingStudy-close."""
    _check_enabled(storage)
    name_studies(request, opened.study_instance_uid)
    sent = announce_study(storage, principal, opened.study_instance_uid, opened.change)
    return AnnouncedEvent(id=sent.event_id)


def _topic_of(storage: HubStorage, principal: Principal, user: str) -> Topic:
    """One's own, or that of `user` for a program. Raises NotPermitted, NotFound, StateConflict."""
    if not user:
        return storage.fhircast_topics.of(principal.identity, utcnow(), principal.groups)
    if principal.kind != "key" or not principal.has_any({"integrator", "admin"}):
        raise NotPermitted(
            "Only keys of integrators ask for the topic of somebody else.",
            remedy="Leave `user` out, or ask with a key of the role integrator.",
        )
    topic = storage.fhircast_topics.named(user)
    check_takes_part(storage, principal, topic)
    return topic


def _shown(request: Request, storage: HubStorage, topic: Topic) -> FhircastTopic:
    return FhircastTopic(
        enabled=True,
        hub_url=hub_url(request, storage.settings),
        topic=topic.topic,
        joined_topic=topic.joined_topic,
        joins_hub=urlsplit(storage.settings.fhircast_hub_url).hostname or "",
        is_joined_now=bool(topic.joined_topic)
        and topic.served_until is not None
        and topic.served_until > utcnow(),
    )


def _announce(
    request: Request, storage: HubStorage, principal: Principal, body: bytes
) -> JSONResponse:
    if "fhircast:write" not in principal.scopes:
        raise ApiProblem(
            403,
            "not_allowed",
            "The key may listen to the hub, and announce nothing.",
            remedy="Use a key with the scope fhircast:write.",
        )
    if len(body) > MESSAGE_MAX_BYTES:
        raise LimitExceeded(f"The event has more than {MESSAGE_MAX_BYTES} bytes.")
    message = read_message(body)
    check_topic(storage, principal, message.topic)
    add_detail(request, event=message.name)
    storage.fhircast_events.announce(message, utcnow(), by=principal.identity.id)
    return JSONResponse({"id": message.event_id}, 202)


def _check_enabled(storage: HubStorage) -> None:
    if not storage.settings.fhircast:
        raise NotFound(
            "This node is not a FHIRcast hub.", remedy="An operator sets MEDIVIEW_FHIRCAST=true."
        )
