"""Retention of all but studies: unfinished uploads, events, answers, workitems, runs, notices,
topics."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from storage.container.has import (
    HasAnswers,
    HasEngine,
    HasEvents,
    HasIdempotencyKeys,
    HasModelTrials,
    HasObjects,
    HasPatientChanges,
    HasPeerNotifications,
    HasRetrospectiveRuns,
    HasSettings,
    HasUploads,
    HasWebhookOutbox,
)
from storage.core.entities import Upload
from storage.core.errors import InvalidRequest, StorageUnavailable
from storage.fhircast.events import forget_old
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
    HasModelTrials,
    HasPeerNotifications,
    HasPatientChanges,
    HasRetrospectiveRuns,
    HasWebhookOutbox,
    Protocol,
):
    """What of the storage layer is kept for a time only."""


def remove_expired(storage: ExpiryStorage, now: datetime) -> bool:
    """Remove what is older than its retention; whether more uploads wait for it.

    Raises StorageUnavailable, once all is gone that needs no object store.
    """
    settings = storage.settings
    away: StorageUnavailable | None = None
    received_before = now - timedelta(seconds=settings.upload_retention_s)
    uploads = storage.uploads.expired(now, received_before, _AT_ONCE)
    try:
        for upload in uploads:
            _expire_upload(storage, upload)
    except StorageUnavailable as error:
        away = error
    try:
        _remove_answers(storage, now - timedelta(seconds=settings.answer_retention_s))
    except StorageUnavailable as error:
        away = away or error
    forget_old(storage.engine, now)
    storage.events.prune(now - timedelta(seconds=settings.event_retention_s))
    storage.idempotency_keys.prune(now)
    storage.model_trials.forget_old(now)
    storage.peer_notifications.forget_old(now)
    storage.patient_changes.forget_old_messages(now)
    if settings.workitem_retention_s:
        ended_before = now - timedelta(seconds=settings.workitem_retention_s)
        forget_ended(storage.engine, ended_before)
        storage.retrospective_runs.forget_ended(ended_before)
    storage.webhook_outbox.prune(now - timedelta(seconds=settings.webhook_retention_s))
    if away is not None:
        raise away
    return len(uploads) == _AT_ONCE


def _expire_upload(storage: ExpiryStorage, upload: Upload) -> None:
    # First the state, so that nobody starts what is being removed.
    if not storage.uploads.set_state(
        upload.upload_id,
        "EXPIRED",
        reason="It was not finished in time.",
        only=("PRESIGNED", "RECEIVED"),
    ):
        return
    if upload.multipart_id:
        # Refused where it was begun at a store that was in use before.
        with suppress(InvalidRequest):
            storage.objects.drop_parts(upload.object_key, upload.multipart_id)
    storage.objects.delete(upload.object_key)
    log.info("upload_expired", upload_id=upload.upload_id)


def _remove_answers(storage: ExpiryStorage, before: datetime) -> None:
    gone = []
    try:
        for answer in storage.answers.expired(before):
            # First the document, since the row is what finds it again.
            if answer.object_key:
                storage.objects.delete(answer.object_key)
            gone.append(answer.job_id)
    finally:
        storage.answers.forget(gone)
