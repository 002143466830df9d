"""Subscribe, look how a subscription stands, end it; and what may be subscribed to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Path, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import caller_of
from api.access.policy import INTEGRATORS, READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.audit_rules import PUBLIC, Audited, network_change
from api.deps import StorageDep
from api.errors import ApiProblem
from api.fhir.bodies import resource_body
from api.fhir.resources import Bundle
from api.fhir.responses import FHIR_JSON, FhirJson, answer, asked_version, bundle, media_type_of
from api.fhir.routing import fhir_router, read_by, searched_by
from api.fhir.search.parameters import SearchParameters
from api.fhir.search.references import relative
from api.fhir.subscriptions.reading import read_subscription
from api.fhir.subscriptions.resources import (
    SubscriptionResource,
    SubscriptionStatusBundle,
    SubscriptionTopicResource,
    subscription_resource,
    topic_resource,
)
from api.parameters import problems
from inference.broker.notify import wake
from inference.fhir.resources import Resource
from inference.fhir_subscriptions.notifications import status_resource, topic_url
from storage.accounts.api_keys import ApiKeys
from storage.audit import Code, Type
from storage.fhir_subscriptions.entities import FhirSubscription, NewSubscription
from storage.fhir_subscriptions.repository import FhirSubscriptions
from storage.fhir_subscriptions.topics import TOPICS
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = fhir_router()

SubscriptionId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$", description="The logical id.")
]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {FHIR_JSON: {"schema": {"type": "object", "required": ["resourceType"]}}},
    }
}
# Filters name patients.
_LOOKED_AT = Audited(Code.SECURITY_ALERT, "R", Type.NETWORK_CONFIGURATION, repeated=True)
_SEARCHED_BY = ("_id", "status", "type", "url", "criteria", "topic", "payload")
_TOPICS_SEARCHED_BY = ("_id", "url", "status", "title", "resource")


@router.post(
    "/Subscription",
    status_code=201,
    summary="Subscribe to a topic",
    response_model=SubscriptionResource,
    responses=problems(400, 403, 415, 422, 429),
    openapi_extra=_BODY,
)
@policy(INTEGRATORS, "fhir:write", network_change("C"), confirmed_to="add a webhook")
async def create_subscription(
    request: Request, storage: StorageDep, principal: PrincipalDep
) -> Response:
    """R5's Subscription, or R4's with the extensions of the Subscriptions R5 Backport.

    It is `requested` until its endpoint has taken the handshake, and `active` then. It notifies of
    what its owner may see, and ends with the key or account that asked for it.
    """
    body = await resource_body(request)
    bases = (f"{storage.settings.resolved_public_url}/fhir", f"{request.base_url}fhir")
    new = await run_in_threadpool(read_subscription, body, partial(_relative, bases=bases))
    return await run_in_threadpool(
        _add,
        request,
        storage.fhir_subscriptions,
        storage.api_keys,
        storage.settings,
        principal,
        new,
    )


@router.get(
    "/Subscription",
    summary="Search subscriptions",
    response_model=Bundle[SubscriptionResource],
    openapi_extra=searched_by(_SEARCHED_BY),
)
@policy(INTEGRATORS, "fhir:read", _LOOKED_AT)
def search_subscriptions(request: Request, storage: StorageDep) -> Response:
    """One's own where access groups are enforced; an administrator's are all."""
    version = asked_version(request)
    known = dict.fromkeys(_SEARCHED_BY, "")
    asked = SearchParameters.read(request.query_params.multi_items(), known)
    found = [
        subscription_resource(one, version)
        for one in storage.fhir_subscriptions.all()
        if _fits(asked, _values(one))
    ]
    return _page(request, storage.settings, found, asked)


@router.get(
    "/Subscription/{resource_id}",
    summary="One subscription",
    response_model=SubscriptionResource,
    openapi_extra=read_by(),
)
@policy(INTEGRATORS, "fhir:read", _LOOKED_AT)
def read_subscription_resource(
    request: Request, storage: StorageDep, resource_id: SubscriptionId
) -> Response:
    """In the version of FHIR that is asked for, whichever it was made in; without its headers."""
    version = asked_version(request)
    found = storage.fhir_subscriptions.get(resource_id)
    return answer(request, subscription_resource(found, version), version)


@router.get(
    "/Subscription/{resource_id}/$status",
    summary="How a subscription stands",
    response_model=SubscriptionStatusBundle,
)
@policy(INTEGRATORS, "fhir:read", _LOOKED_AT)
def read_subscription_status(
    request: Request, storage: StorageDep, resource_id: SubscriptionId
) -> Response:
    """A bundle with the status, in the version of FHIR that its notifications are in."""
    found = storage.fhir_subscriptions.get(resource_id)
    base = _base(storage.settings)
    content = {
        "total": 1,
        "type": "searchset",
        "entry": [
            {
                "fullUrl": f"{base}/Subscription/{resource_id}/$status",
                "resource": status_resource(found, base, "query-status"),
                "search": {"mode": "match"},
            }
        ],
    }
    return answer(request, SubscriptionStatusBundle.model_validate(content), found.fhir_version)


@router.delete(
    "/Subscription/{resource_id}",
    status_code=204,
    summary="End a subscription",
    responses=problems(404),
)
@policy(INTEGRATORS, "fhir:write", network_change("D"), confirmed_to="remove a webhook")
def delete_subscription(storage: StorageDep, resource_id: SubscriptionId) -> None:
    """With all that was on its way. A person confirms the session first."""
    storage.fhir_subscriptions.remove(resource_id)
    log.info("fhir_subscription_removed", subscription_id=resource_id)


@router.get(
    "/SubscriptionTopic",
    summary="Search what may be subscribed to",
    response_model=Bundle[SubscriptionTopicResource],
    openapi_extra=searched_by(_TOPICS_SEARCHED_BY),
)
@policy(READERS, "fhir:read", PUBLIC)
def search_subscription_topics(request: Request, storage: StorageDep) -> Response:
    """R5's resource; without `fhirVersion=5.0` as R4B has it, since R4 has none."""
    version = asked_version(request)
    known = dict.fromkeys(_TOPICS_SEARCHED_BY, "")
    asked = SearchParameters.read(request.query_params.multi_items(), known)
    found = [
        topic_resource(one, version)
        for one in TOPICS.values()
        if _fits(
            asked,
            {
                "_id": one.topic_id,
                "url": topic_url(one.topic_id),
                "status": "active",
                "title": one.title,
                "resource": one.resource_type,
            },
        )
    ]
    return _page(request, storage.settings, found, asked)


@router.get(
    "/SubscriptionTopic/{resource_id}",
    summary="One topic",
    response_model=SubscriptionTopicResource,
    openapi_extra=read_by(),
)
@policy(READERS, "fhir:read", PUBLIC)
def read_subscription_topic(request: Request, resource_id: SubscriptionId) -> Response:
    """What sets it off, and what it may be filtered by."""
    version = asked_version(request)
    topic = TOPICS.get(resource_id)
    if topic is None:
        raise ApiProblem(
            404,
            "not_found",
            "There is no topic of that id.",
            remedy="Search GET /fhir/SubscriptionTopic.",
        )
    return answer(request, topic_resource(topic, version), version)


def _add(
    request: Request,
    subscriptions: FhirSubscriptions,
    api_keys: ApiKeys,
    settings: Settings,
    principal: Principal,
    new: NewSubscription,
) -> Response:
    added = subscriptions.add(
        _ending_with(new, principal, api_keys),
        created_by=caller_of(principal),
        sends_everything=principal.is_administrator,
    )
    wake(settings)
    log.info(
        "fhir_subscription_added",
        subscription_id=added.subscription_id,
        topic=added.topic,
        content=added.content,
    )
    version = added.fhir_version
    taken = answer(request, subscription_resource(added, version), version)
    url = f"{_base(settings)}/Subscription/{added.subscription_id}"
    headers = {"Location": url, "ETag": taken.headers["ETag"]}
    return FhirJson(bytes(taken.body), 201, headers, media_type_of(version))


def _ending_with(new: NewSubscription, principal: Principal, api_keys: ApiKeys) -> NewSubscription:
    """It ends with a key that expires. Raises ApiProblem for who ends without the node's notice."""
    if principal.kind == "oidc":
        raise ApiProblem(
            403,
            "not_allowed",
            "The node does not learn when somebody of an identity provider may subscribe no more.",
            remedy="Subscribe with an API key or as an account of the node.",
        )
    if principal.kind != "key":
        return new
    expires_at = api_keys.get(principal.identity.subject).expires_at
    ends = [one for one in (new.ends_at, expires_at) if one is not None]
    return replace(new, ends_at=min(ends)) if ends else new


def _values(one: FhirSubscription) -> dict[str, str]:
    topic = topic_url(one.topic)
    return {
        "_id": one.subscription_id,
        "status": one.status,
        "type": "rest-hook",
        "url": one.endpoint,
        "criteria": topic,
        "topic": topic,
        "payload": FHIR_JSON,
    }


def _fits(asked: SearchParameters, values: Mapping[str, str]) -> bool:
    """Codes may have a system before them; titles match by their beginning, as strings do."""
    for name, alternatives in asked.given:
        value = values[name]
        if name == "title":
            if not any(value.casefold().startswith(one.casefold()) for one in alternatives):
                return False
        elif not any(one in (value, f"|{value}") or _code(one) == value for one in alternatives):
            return False
    return True


def _code(token: str) -> str:
    return token.rpartition("|")[2]


def _page(
    request: Request, settings: Settings, found: Sequence[Resource], asked: SearchParameters
) -> Response:
    page = found[asked.offset : asked.offset + asked.count]
    version = asked_version(request)
    return bundle(request, _base(settings), page, len(found), asked, version=version)


def _relative(value: str, bases: tuple[str, ...]) -> str:
    return relative(value, bases)


def _base(settings: Settings) -> str:
    return f"{settings.resolved_public_url}/fhir"
