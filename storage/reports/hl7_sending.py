"""Sending what the HL7 outbox has: one worker takes a message, and notes what became of it."""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Engine, and_, delete, exists, func, or_, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.events.payloads import DeliveryEvent
from storage.events.repository import add_event
from storage.outbox.tables import HL7_MESSAGES
from storage.reports.hl7_entities import (
    Hl7Message,
    is_overtaken,
    of_same_report,
    to_hl7_message,
)

log = structlog.get_logger(__name__)


class Hl7Sending:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim_due(
        self, owner: str, lease_s: float, now: datetime, destination: str
    ) -> Hl7Message | None:
        """Take its oldest due message; those of one report in the order of its versions.

        One that waited until the system had a newer one of the report is not sent any more: the
        older text would take the place of the newer.
        """
        other = t.hl7_message.alias("other")
        is_sent = exists().where(
            of_same_report(other, t.hl7_message),
            other.c.state == HL7_MESSAGES.working,
            other.c.next_attempt_at > now,
        )
        # No time says it: the clock may have been set back between two versions.
        has_older_due = exists().where(
            of_same_report(other, t.hl7_message),
            other.c.state.in_(HL7_MESSAGES.states),
            other.c.next_attempt_at <= now,
            or_(
                other.c.report_version < t.hl7_message.c.report_version,
                and_(
                    other.c.report_version == t.hl7_message.c.report_version,
                    other.c.superseded_at.is_(None),
                    t.hl7_message.c.superseded_at.is_not(None),
                ),
            ),
        )
        while True:
            with writing(self._engine) as connection:
                row = HL7_MESSAGES.take_first(
                    connection,
                    owner,
                    lease_s,
                    now,
                    ~is_sent,
                    ~has_older_due,
                    t.hl7_message.c.destination == destination,
                    order=(t.hl7_message.c.created_at,),
                )
                if row is None:
                    return None
                message = to_hl7_message(row)
                if not is_overtaken(connection, message):
                    return message
                connection.execute(
                    delete(t.hl7_message).where(t.hl7_message.c.message_id == message.message_id)
                )
            log.info(
                "hl7_message_overtaken",
                message_id=message.message_id,
                destination=message.destination,
                report_id=message.report_id,
                version=message.report_version,
            )

    def was_withdrawn(self, message: Hl7Message) -> bool:
        """Whether the system may have been notified that results under an older version were."""
        earlier = t.hl7_message.c
        query = select(earlier.message_id).where(
            of_same_report(t.hl7_message, message),
            earlier.superseded_at.is_not(None),
            earlier.attempts > 0,
            earlier.report_version < message.report_version,
        )
        with reading(self._engine) as connection:
            return connection.execute(query.limit(1)).first() is not None

    def renew(self, message_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        row = t.hl7_message.c.message_id == message_id
        with writing(self._engine) as connection:
            return HL7_MESSAGES.renew(connection, owner, lease_s, now, row)

    def is_due(self, now: datetime) -> bool:
        with reading(self._engine) as connection:
            return (
                connection.execute(
                    select(t.hl7_message.c.message_id).where(HL7_MESSAGES.is_due(now)).limit(1)
                ).first()
                is not None
            )

    def due_destinations(self, now: datetime) -> list[str]:
        """The one first whose oldest message waits longest."""
        message = t.hl7_message.c
        with reading(self._engine) as connection:
            return list(
                connection.scalars(
                    select(message.destination)
                    .where(HL7_MESSAGES.is_due(now))
                    .group_by(message.destination)
                    .order_by(func.min(message.created_at), message.destination)
                )
            )

    def accepted(self, message_id: str, owner: str) -> bool:
        """False, here and below, where `owner` has lost the message: nothing changes then."""
        return self._set(message_id, owner, {"state": "ACCEPTED", "last_error": ""})

    def retry_later(self, message_id: str, owner: str, error: str, at: datetime) -> bool:
        values = {"state": "PENDING", "last_error": error, "next_attempt_at": at}
        return self._set(message_id, owner, values)

    def dead(self, message_id: str, owner: str, error: str) -> bool:
        """Not tried again until somebody says so."""
        return self._set(message_id, owner, {"state": "DEAD", "last_error": error})

    def _set(self, message_id: str, owner: str, values: dict[str, Any]) -> bool:
        """Only while the message is `owner`'s: what others noted meanwhile has the last word."""
        now = utcnow()
        with writing(self._engine) as connection:
            row = connection.execute(
                update(t.hl7_message)
                .where(t.hl7_message.c.message_id == message_id, HL7_MESSAGES.is_owned(owner))
                .values(**values, lease_owner="", updated_at=now)
                .returning(t.hl7_message.c.study_instance_uid, t.hl7_message.c.destination)
            ).first()
            if row is not None and values["state"] == "DEAD":
                add_event(
                    connection,
                    now,
                    "delivery",
                    row.study_instance_uid,
                    payload=DeliveryEvent(destination=row.destination, state="FAILED"),
                )
        if row is None:
            log.warning("hl7_message_lost", message_id=message_id, state=values["state"])
        return row is not None
