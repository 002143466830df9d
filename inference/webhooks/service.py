"""Send notices to webhooks: signed, in order, again after a failure, and not for ever."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import structlog

from inference.failures import place
from inference.webhooks.people import PeopleStorage, send_text, send_waiting
from inference.webhooks.posting import JSON_HEADERS, Answered, post_to
from inference.webhooks.senders import Senders
from inference.webhooks.signing import signed_headers
from inference.webhooks.subscription_notices import SubscriptionStorage, send_notification
from inference.webhooks.wording import trial_message
from storage.container.has import HasWebhookOutbox
from storage.core.clock import utcnow
from storage.outbox.leases import LEASE_S, Lease
from storage.outbox.retry_policies import retry_policy
from storage.settings import Settings
from storage.webhooks.enqueue import notice_payload
from storage.webhooks.entities import DueReceiver
from storage.webhooks.outbox import WebhookOutbox
from storage.webhooks.payloads import PING, NoticeBody
from storage.webhooks.people import FHIR, PROGRAMS
from storage.webhooks.repository import Webhook, Webhooks

log = structlog.get_logger(__name__)

_TURN_S = 5.0
"""Then others have theirs, however quickly a receiver with many notices answers."""


class NotificationStorage(PeopleStorage, SubscriptionStorage, HasWebhookOutbox, Protocol):
    """What of the storage layer webhooks and people are notified with."""

    @property
    def webhooks(self) -> Webhooks: ...


def notify_due(
    storage: NotificationStorage,
    owner: str,
    stopping: Callable[[], bool] = lambda: False,
    senders: Senders | None = None,
) -> None:
    """Send everything that is due, several webhooks at a time.

    `senders`: those of the process, where several rounds go on in it at once.
    """
    senders = senders or Senders()
    with ThreadPoolExecutor(senders.count, thread_name_prefix="webhook") as pool:
        while not stopping():
            claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
            receiver = _claimed(storage.webhook_outbox, senders, claimant)
            if receiver is None:
                return
            try:
                pool.submit(_send_claimed, storage, receiver, claimant, stopping, senders)
            except RuntimeError:
                # No thread can be begun; the lease ends by itself.
                senders.release(receiver)
                raise


def _claimed(outbox: WebhookOutbox, senders: Senders, claimant: str) -> DueReceiver | None:
    return senders.claim(
        lambda: outbox.due(utcnow()),
        lambda webhook_id: outbox.claim(webhook_id, claimant, LEASE_S, utcnow()),
    )


def _send_claimed(
    storage: NotificationStorage,
    first: DueReceiver,
    claimant: str,
    stopping: Callable[[], bool],
    senders: Senders,
) -> None:
    """Send to one receiver after the other until none is due that may have this sender."""
    outbox = storage.webhook_outbox
    receiver: DueReceiver | None = first
    try:
        while receiver is not None:
            try:
                hook = storage.webhooks.get(receiver.webhook_id)
                with Lease(partial(_renew, outbox, hook.webhook_id, claimant), "webhook"):
                    _send_to(storage, hook, claimant, stopping, partial(senders.note, receiver))
            finally:
                try:
                    outbox.release(receiver.webhook_id, claimant)
                finally:
                    senders.release(receiver)
            receiver = None if stopping() else _claimed(outbox, senders, claimant)
    except Exception as error:  # noqa: BLE001 - the edge of a thread: the next round tries again
        log.error("webhook_sender_failed", error=type(error).__name__, place=place(error))


def _renew(webhook_outbox: WebhookOutbox, webhook_id: str, claimant: str) -> bool:
    return webhook_outbox.renew(webhook_id, claimant, LEASE_S, utcnow())


def _send_to(
    storage: NotificationStorage,
    hook: Webhook,
    claimant: str,
    stopping: Callable[[], bool],
    is_slow: Callable[[float], bool],
) -> None:
    """What waits for one receiver, for the time of a turn; of a slow one the first alone.

    `is_slow` is given the seconds of each answer.
    """
    turn_ends_s = time.monotonic() + _TURN_S

    def ends() -> bool:
        return (
            stopping()
            or time.monotonic() >= turn_ends_s
            or not _renew(storage.webhook_outbox, hook.webhook_id, claimant)
        )

    if hook.kind in PROGRAMS:
        _send_in_order(storage, hook, ends, is_slow)
        return
    while not ends():
        began_s = time.monotonic()
        goes_on = send_waiting(storage, hook)
        if is_slow(time.monotonic() - began_s) or not goes_on:
            return


def _send_in_order(
    storage: NotificationStorage,
    hook: Webhook,
    ends: Callable[[], bool],
    is_slow: Callable[[float], bool],
) -> None:
    settings, webhook_outbox = storage.settings, storage.webhook_outbox
    is_subscription = hook.kind == FHIR
    while not ends():
        now = utcnow()
        notice = webhook_outbox.first_pending(hook.webhook_id, now)
        if notice is None:
            return
        began_s = time.monotonic()
        answered = (
            send_notification(storage, hook, notice)
            if is_subscription
            else send(settings, hook, notice.payload)
        )
        was_slow = is_slow(time.monotonic() - began_s)
        if answered.ok and answered.status is not None:
            if is_subscription:
                storage.fhir_subscriptions.delivered(hook.webhook_id, utcnow())
            webhook_outbox.delivered(notice.delivery_id, answered.status, utcnow())
            if was_slow:
                return
            continue
        policy = retry_policy(settings, "webhook_notice")
        again = policy.next_attempt(notice.attempts + 1, utcnow(), notice.created_at)
        if answered.is_final:
            again = None
        if is_subscription and again is None:
            storage.fhir_subscriptions.failed(hook.webhook_id, answered.sentence)
        webhook_outbox.failed(notice.delivery_id, answered.sentence, answered.status, again)
        log.warning(
            "webhook_failed",
            webhook_id=hook.webhook_id,
            delivery_id=notice.delivery_id,
            attempts=notice.attempts + 1,
            status=answered.status,
            dead=again is None,
        )
        if again is not None or was_slow:
            return


def ping(settings: Settings, hook: Webhook) -> Answered:
    """Send one notice that means nothing, now, and say what the receiver answered."""
    if hook.kind != "webhook":
        text = trial_message(settings, hook.for_people.language, utcnow())
        return send_text(settings, hook, text, str(uuid.uuid4()))
    payload = notice_payload(str(uuid.uuid4()), PING, {"webhook_id": hook.webhook_id}, utcnow())
    return send(settings, hook, payload)


def send(settings: Settings, hook: Webhook, payload: NoticeBody) -> Answered:
    """One request. Never raises for what the receiver or the network does."""
    if not hook.secret:
        return Answered(False, "Its secret cannot be read any more; renew it.", None, 0.0)
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        **JSON_HEADERS,
        **signed_headers(hook.secret, payload["id"], int(time.time()), body),
    }
    return post_to(settings, hook.address, headers, body)
