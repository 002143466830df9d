"""Webhooks of keys and accounts that have ended are paused, and the audit trail says so."""

from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Connection

from storage.audit import SUCCESS, Audit, AuditEvent, Code, Type
from storage.audit.events import NODE
from storage.container.has import HasEngine
from storage.webhooks.owner_ends import EndedOwner, end_those_of_ended_owners

log = structlog.get_logger(__name__)


class EndingStorage(HasEngine, Protocol):
    @property
    def audit(self) -> Audit: ...


def pause_those_of_ended_owners(storage: EndingStorage, now: datetime) -> None:
    def note(connection: Connection, one: EndedOwner) -> None:
        storage.audit.record_within(
            connection,
            AuditEvent(
                Code.SECURITY_ALERT,
                "U",
                NODE,
                outcome=SUCCESS,
                type=Type.NETWORK_CONFIGURATION,
                detail=one.audit_detail,
            ),
        )

    for one in end_those_of_ended_owners(storage.engine, now, note):
        log.warning("webhooks_paused", owner_id=one.owner_id, count=len(one.webhook_ids))
