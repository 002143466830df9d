"""Webhooks: notices over HTTP of what happens here, and what became of each."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Path, Query, Request, Response

from api.access.caller_visibility import caller_of
from api.access.policy import INTEGRATORS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import UIDS_ALONE, Audited, NotAudited, network_change
from api.deps import StorageDep
from api.errors import ApiProblem
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.request_rules.enum_spelling import NoticeStateWord
from api.router_factory import new_router
from api.webhooks.people import (
    check_is_changed_here,
    check_lasts,
    check_may_change,
    check_may_name_patients,
    default_wait_s,
    for_people_of,
    note_receiver,
    warning_of,
)
from api.webhooks.schemas import (
    NewWebhook,
    WebhookChange,
    WebhookDeliveryPage,
    WebhookDeliveryPayload,
    WebhookPage,
    WebhookPayload,
    WebhookPinged,
    WebhookWithSecret,
)
from inference.broker.notify import wake
from inference.webhooks.service import ping
from storage.audit import Code, Type
from storage.webhooks.entities import WebhookDelivery
from storage.webhooks.outbox import NEWEST_NOTICES, WebhookOutbox
from storage.webhooks.people import PROGRAMS, ForPeople
from storage.webhooks.repository import OLDEST_WEBHOOKS, Webhook

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/webhooks", tags=["webhooks"])

WebhookId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The webhook's id.")]
DeliveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The notice's id.")]


@router.get("", summary="List the webhooks")
@policy(INTEGRATORS, "api:read", NotAudited("It shows addresses of systems, and nobody's data."))
def list_webhooks(storage: StorageDep, paging: CursorPagingDep) -> WebhookPage:
    """The oldest first, without their secrets."""
    hooks, total = storage.webhooks.list(
        paging.limit, paging.offset, beyond=paging.beyond(OLDEST_WEBHOOKS)
    )
    items = _payloads(storage.webhook_outbox, hooks)
    return paging.page_of(WebhookPage, items, total, hooks, OLDEST_WEBHOOKS)


@router.post("", status_code=201, summary="Add a webhook", responses=problems(400, 422))
@policy(INTEGRATORS, "api:write", network_change("C"), confirmed_to="add a webhook")
def add_webhook(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    response: Response,
    new: NewWebhook,
) -> WebhookWithSecret:
    """It sends what happens from now on. The answer alone holds its secret.

    Where access groups are enforced, now or later, it sends what the one who adds it may see,
    and an administrator's sends everything. A person confirms the session first. Of kind `mail`,
    `teams` or `slack` it sends texts to people, and administrators alone add it; where the texts
    name patients, no key or access token does.
    """
    check_may_change(principal, new.kind)
    check_lasts(principal)
    for_people = for_people_of(ForPeople(wait_s=default_wait_s(new.kind)), new)
    check_may_name_patients(principal, for_people)
    note_receiver(request, new.kind, for_people)
    hook = storage.webhooks.add(
        new.url,
        tuple(new.events),
        new.description,
        created_by=caller_of(principal),
        sends_everything=principal.is_administrator,
        kind=new.kind,
        for_people=for_people,
    )
    log.info("webhook_added", webhook_id=hook.webhook_id, kind=hook.kind)
    response.headers["Location"] = f"/api/webhooks/{hook.webhook_id}"
    return _with_secret(storage.webhook_outbox, hook)


@router.get("/{webhook_id}", summary="One webhook", responses=problems(404))
@policy(INTEGRATORS, "api:read", NotAudited("It shows the address of a system."))
def get_webhook(storage: StorageDep, webhook_id: WebhookId) -> WebhookPayload:
    """Without its secret."""
    return _payload(storage.webhook_outbox, storage.webhooks.get(webhook_id))


@router.patch(
    "/{webhook_id}", summary="Change a webhook", responses=problems(400, 403, 404, 409, 422)
)
@policy(INTEGRATORS, "api:write", network_change("U"), confirmed_to="change a webhook")
def change_webhook(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    webhook_id: WebhookId,
    change: WebhookChange,
) -> WebhookPayload:
    """What is on its way already goes to the new address. A person confirms the session first.

    Where messages name patients afterwards, no key or access token changes it; no access token
    turns one on.
    """
    if change.sends_everything is not None and not principal.is_administrator:
        raise ApiProblem(
            403,
            "not_allowed",
            "Only an administrator decides whether a webhook sends the events of all studies.",
            remedy="Leave `sends_everything` out, or ask an administrator.",
        )

    def check(as_it_is: Webhook) -> None:
        check_is_changed_here(as_it_is.kind)
        check_may_change(principal, as_it_is.kind)
        check_may_name_patients(principal, for_people_of(as_it_is.for_people, change))
        if change.is_active and not as_it_is.is_active:
            # Who turns it on may own it from then on.
            check_lasts(principal)

    before = storage.webhooks.get(webhook_id)
    check(before)
    for_people = for_people_of(before.for_people, change)
    note_receiver(request, before.kind, for_people)
    hook = storage.webhooks.change(
        webhook_id,
        url=change.url,
        events=None if change.events is None else tuple(change.events),
        description=change.description,
        is_active=change.is_active,
        sends_everything=change.sends_everything,
        for_people=for_people,
        by=caller_of(principal),
        by_administrator=principal.is_administrator,
        check=check,
    )
    log.info("webhook_changed", webhook_id=webhook_id)
    return _payload(storage.webhook_outbox, hook)


@router.delete(
    "/{webhook_id}", status_code=204, summary="Remove a webhook", responses=problems(404)
)
@policy(INTEGRATORS, "api:write", network_change("D"), confirmed_to="remove a webhook")
def remove_webhook(storage: StorageDep, principal: PrincipalDep, webhook_id: WebhookId) -> None:
    """With all that was on its way to it. A person confirms the session first."""
    check_may_change(principal, storage.webhooks.get(webhook_id).kind)
    storage.webhooks.remove(webhook_id)
    log.info("webhook_removed", webhook_id=webhook_id)


@router.post(
    "/{webhook_id}/secret", summary="Give a webhook another secret", responses=problems(404)
)
@policy(INTEGRATORS, "api:write", network_change("U"), confirmed_to="change a webhook")
def renew_webhook_secret(storage: StorageDep, webhook_id: WebhookId) -> WebhookWithSecret:
    """From now on notices are signed with the new one alone.

    A person confirms the session first.
    """
    hook = storage.webhooks.new_secret(webhook_id)
    log.info("webhook_secret_renewed", webhook_id=webhook_id)
    return _with_secret(storage.webhook_outbox, hook)


@router.post("/{webhook_id}/ping", summary="Try a webhook", responses=problems(404, 409))
@policy(INTEGRATORS, "api:write", Audited(Code.SECURITY_ALERT, "E", Type.NETWORK_CONFIGURATION))
def ping_webhook(
    storage: StorageDep, principal: PrincipalDep, webhook_id: WebhookId
) -> WebhookPinged:
    """Send a signed `ping` or, to people, a test message, and say what was answered."""
    hook = storage.webhooks.get(webhook_id)
    check_is_changed_here(hook.kind)
    check_may_change(principal, hook.kind)
    answered = ping(storage.settings, hook)
    return WebhookPinged(
        ok=answered.ok,
        sentence=answered.sentence,
        status=answered.status,
        seconds=round(answered.seconds, 3),
    )


@router.get("/{webhook_id}/deliveries", summary="What a webhook sent", responses=problems(404))
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def list_webhook_deliveries(
    storage: StorageDep,
    paging: CursorPagingDep,
    webhook_id: WebhookId,
    state: Annotated[NoticeStateWord | None, Query(description="In this state only.")] = None,
) -> WebhookDeliveryPage:
    """The newest first. DEAD ones were given up after their last attempt."""
    storage.webhooks.get(webhook_id)
    return paging.read(
        WebhookDeliveryPage,
        NEWEST_NOTICES,
        partial(storage.webhook_outbox.list, webhook_id, state),
        _delivery,
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    summary="Send a notice once more",
    responses=problems(404),
)
@policy(INTEGRATORS, "api:write", Audited(Code.EXPORT, "E"))
def redeliver_to_webhook(
    storage: StorageDep, principal: PrincipalDep, webhook_id: WebhookId, delivery_id: DeliveryId
) -> WebhookDeliveryPayload:
    """Under the same id, so that a receiver knows it again, with all its attempts.

    To people it goes in a new message, with what waits for them.
    """
    check_may_change(principal, storage.webhooks.get(webhook_id).kind)
    notice = storage.webhook_outbox.redeliver(webhook_id, delivery_id)
    wake(storage.settings)
    return _delivery(notice)


def _payloads(webhook_outbox: WebhookOutbox, hooks: list[Webhook]) -> list[WebhookPayload]:
    counts = webhook_outbox.counts([hook.webhook_id for hook in hooks])
    return [WebhookPayload(**_fields(hook, counts[hook.webhook_id])) for hook in hooks]


def _payload(webhook_outbox: WebhookOutbox, hook: Webhook) -> WebhookPayload:
    return _payloads(webhook_outbox, [hook])[0]


def _with_secret(webhook_outbox: WebhookOutbox, hook: Webhook) -> WebhookWithSecret:
    # That of a chat is its address, which nobody has to hear again.
    secret = hook.secret if hook.kind in PROGRAMS else ""
    return WebhookWithSecret(**_payload(webhook_outbox, hook).model_dump(), secret=secret)


def _fields(hook: Webhook, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "webhook_id": hook.webhook_id,
        "kind": hook.kind,
        **asdict(hook.for_people),
        "warning": warning_of(hook.for_people),
        "url": hook.url,
        "description": hook.description,
        "events": list(hook.events),
        "is_active": hook.is_active,
        "created_by_id": hook.created_by_id,
        "sends_everything": hook.sends_everything,
        "pending": counts.get("PENDING", 0),
        "dead": counts.get("DEAD", 0),
        "created_at": hook.created_at,
        "updated_at": hook.updated_at,
    }


def _delivery(notice: WebhookDelivery) -> WebhookDeliveryPayload:
    return WebhookDeliveryPayload(
        delivery_id=notice.delivery_id,
        event_type=notice.event_type,
        payload=notice.payload,
        state=notice.state,
        attempts=notice.attempts,
        next_attempt_at=notice.next_attempt_at if notice.state == "PENDING" else None,
        last_error=notice.last_error,
        last_status=notice.last_status,
        created_at=notice.created_at,
        ended_at=notice.ended_at,
    )
