"""Send to people what waits for them: several notices in one message, by mail or to a chat."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.webhooks.chat import slack_body, teams_body
from inference.webhooks.mail import send_mail
from inference.webhooks.posting import JSON_HEADERS, Answered, post_to
from inference.webhooks.wording import PatientWords, PeopleMessage, message_of
from storage.audit import NODE, Audit, AuditEvent, Code
from storage.container.has import HasAudit, HasEngine, HasIndex, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError, NotFound
from storage.core.text.outside_text import text_from_outside
from storage.index.repository import Index
from storage.outbox.retry_policies import retry_policy
from storage.settings import Settings
from storage.webhooks.entities import WebhookDelivery
from storage.webhooks.messages import (
    Message,
    message_delivered,
    message_failed,
    start_message,
)
from storage.webhooks.people import (
    URGENT_EVENTS,
    after_quiet_hours,
    checked_mail_address,
    may_name_patients,
)
from storage.webhooks.repository import Webhook

log = structlog.get_logger(__name__)

_WORDS_AT_MOST = 200


class PeopleStorage(HasSettings, HasEngine, HasIndex, HasAudit, Protocol):
    """What of the storage layer people are notified with."""


def send_waiting(storage: PeopleStorage, hook: Webhook) -> bool:
    """Send the next message that is due to a receiver that this sender has claimed.

    False where nothing is due, or what failed has to wait. Raises StorageUnavailable.
    """
    message = start_message(storage.engine, hook.webhook_id, utcnow())
    if message is None:
        return False
    answered = _send_about(storage, hook, message)
    if answered.ok:
        message_delivered(storage.engine, message, answered.status, utcnow())
        return True
    again = None if answered.is_final else _again(storage.settings, hook, message)
    message_failed(storage.engine, message, answered.sentence, answered.status, again)
    log.warning(
        "notification_failed",
        webhook_id=hook.webhook_id,
        kind=hook.kind,
        message_id=message.message_id,
        notices=len(message.notices),
        attempts=message.attempts + 1,
        status=answered.status,
        dead=again is None,
    )
    return again is None


def send_text(
    settings: Settings, hook: Webhook, text: PeopleMessage, message_id: str, *, urgent: bool = False
) -> Answered:
    """One message, now. Never raises for what the receiver or the network does."""
    if hook.kind == "mail":
        try:
            recipient = checked_mail_address(hook.url.removeprefix("mailto:"), settings)
        except InvalidRequest as error:
            return Answered(False, f"{error.message} {error.remedy}", None, 0.0)
        begun = utcnow()
        found = send_mail(settings, recipient, text, message_id, urgent=urgent)
        seconds = (utcnow() - begun).total_seconds()
        return Answered(found.ok, found.sentence, found.code, seconds, found.is_final)
    if not hook.address:
        return Answered(False, "Its address cannot be read any more; give it again.", None, 0.0)
    body = slack_body(text) if hook.kind == "slack" else teams_body(text)
    return post_to(settings, hook.address, JSON_HEADERS, json.dumps(body).encode())


def _send_about(storage: PeopleStorage, hook: Webhook, message: Message) -> Answered:
    settings, wanted = storage.settings, hook.for_people
    words: PatientWords | None = None
    if wanted.names_patients and may_name_patients(hook.kind, hook.address, settings):
        words = _patients_of(storage.index)
        try:
            _note_naming(storage.audit, hook, message)
        except MediViewError as error:
            return Answered(False, error.message, None, 0.0)
    text = message_of(settings, wanted.language, message.notices, words)
    return send_text(settings, hook, text, message.message_id, urgent=_is_urgent(message))


def _again(settings: Settings, hook: Webhook, message: Message) -> datetime | None:
    now = utcnow()
    policy = retry_policy(settings, "webhook_notice")
    # Notices may have waited for others for a week: their age says nothing of the attempts.
    again = policy.next_attempt(message.attempts + 1, now)
    if again is None or _is_urgent(message):
        return again
    return after_quiet_hours(hook.for_people.quiet_hours, again)


def _is_urgent(message: Message) -> bool:
    return any(one.event_type in URGENT_EVENTS for one in message.notices)


def _patients_of(index: Index) -> PatientWords:
    def words(study_instance_uid: str) -> str:
        try:
            study = index.study(study_instance_uid)
        except NotFound:
            return ""
        named = (study.patient_name, study.patient_id, study.accession_number)
        return ", ".join(text_from_outside(one, _WORDS_AT_MOST) for one in named if one)

    return words


def _note_naming(audit: Audit, hook: Webhook, message: Message) -> None:
    """Patients leave by name: an export. Raises StorageUnavailable where the trail fails closed."""
    studies = _studies(message.notices)
    if studies:
        audit.record(
            AuditEvent(
                Code.EXPORT,
                "R",
                NODE,
                study_instance_uids=studies,
                detail={"via": "notification", "webhook_id": hook.webhook_id, "kind": hook.kind},
            )
        )


def _studies(notices: Sequence[WebhookDelivery]) -> tuple[str, ...]:
    found = (one.payload["data"].get("study_instance_uid") for one in notices)
    return tuple(dict.fromkeys(one for one in found if one))
