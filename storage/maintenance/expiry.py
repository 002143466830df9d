"""Retention of all but studies: unfinished uploads, events, answers, ended workitems, notices."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from storage.container.has import (
    HasAnswers,
    HasEngine,
    HasEvents,
    HasIdempotencyKeys,
    HasObjects,
    HasPatientChanges,
    HasPeerNotifications,
    HasSettings,
    HasUploads,
    HasWebhookOutbox,
)
from storage.ups.expiry import forget_ended

log = structlog.get_logger(__name__)

_AT_ONCE = 100


class ExpiryStorage(
    HasSettings,
    HasEngine,
    HasObjects,
    HasUploads,
    HasAnswers,
    HasEvents,
    HasIdempotencyKeys,
    HasPeerNotifications,
    HasPatientChanges,
    HasWebhookOutbox,
    Protocol,
):
    """What of the storage layer is kept for a time only."""


def remove_expired(storage: ExpiryStorage, now: datetime) -> bool:
    """Remove what is older than its retention; whether more uploads wait for it."""
    settings = storage.settings
    received_before = now - timedelta(seconds=settings.upload_retention_s)
    uploads = storage.uploads.expired(now, received_before, _AT_ONCE)
    for upload in uploads:
        # First the state, so that nobody starts what is being removed.
        if not storage.uploads.set_state(
            upload.upload_id,
            "EXPIRED",
            reason="It was not finished in time.",
            only=("PRESIGNED", "RECEIVED"),
        ):
            continue
        if upload.multipart_id:
            storage.objects.drop_parts(upload.object_key, upload.multipart_id)
        storage.objects.delete(upload.object_key)
        log.info("upload_expired", upload_id=upload.upload_id)
    answers_before = now - timedelta(seconds=settings.answer_retention_s)
    answers = storage.answers.expired(answers_before)
    for answer in answers:
        # First the document, since the row is what finds it again.
        if answer.object_key:
            storage.objects.delete(answer.object_key)
    storage.answers.forget([answer.job_id for answer in answers])
    storage.events.prune(now - timedelta(seconds=settings.event_retention_s))
    storage.idempotency_keys.prune(now)
    storage.peer_notifications.forget_old(now)
    storage.patient_changes.forget_old_messages(now)
    if settings.workitem_retention_s:
        forget_ended(storage.engine, now - timedelta(seconds=settings.workitem_retention_s))
    storage.webhook_outbox.prune(now - timedelta(seconds=settings.webhook_retention_s))
    return len(uploads) == _AT_ONCE
