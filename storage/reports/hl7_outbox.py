"""Messages to HL7 systems: one a report version and destination, until it is acknowledged.

The text is made when it is sent: no copy of a patient's data lies in the queue.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.pages import read_page
from storage.outbox.tables import HL7_MESSAGES
from storage.reports.entities import Report

Hl7State = Literal["PENDING", "SENDING", "ACCEPTED", "DEAD"]


@dataclass(frozen=True)
class Hl7Message:
    """ACCEPTED: the system answered AA or CA. DEAD: it refused for good, or was tried too often."""

    message_id: str
    destination: str
    report_id: str
    report_version: int
    study_instance_uid: str
    control_id: str
    """MSH-10: the same at each attempt, so that the receiver can tell a repetition."""
    state: Hl7State
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime


class Hl7Messages:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def enqueue(self, destination: str, report: Report, version: int) -> bool:
        """Want a version at a system; False where it was wanted before."""
        now, message_id = utcnow(), str(uuid.uuid4())
        with writing(self._engine) as connection:
            return insert_or_ignore(
                connection,
                t.hl7_message,
                {
                    "message_id": message_id,
                    "destination": destination,
                    "report_id": report.report_id,
                    "report_version": version,
                    "study_instance_uid": report.study_instance_uid,
                    "control_id": message_id.replace("-", "")[:20].upper(),
                    "state": "PENDING",
                    "next_attempt_at": now,
                    "created_at": now,
                    "updated_at": now,
                },
            )

    def claim_due(self, owner: str, lease_s: float, now: datetime) -> Hl7Message | None:
        """Take the oldest due message, so that versions of a report arrive in their order."""
        with writing(self._engine) as connection:
            row = HL7_MESSAGES.take_first(
                connection, owner, lease_s, now, order=(t.hl7_message.c.created_at,)
            )
            return None if row is None else _message(row)

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

    def accepted(self, message_id: str) -> None:
        self._set(message_id, {"state": "ACCEPTED", "last_error": ""})

    def retry_later(self, message_id: str, error: str, at: datetime) -> None:
        self._set(message_id, {"state": "PENDING", "last_error": error, "next_attempt_at": at})

    def dead(self, message_id: str, error: str) -> None:
        """Not tried again until somebody says so."""
        self._set(message_id, {"state": "DEAD", "last_error": error})

    def retry(self, message_id: str) -> Hl7Message:
        """Send it now, whatever became of it. Raises NotFound, StateConflict for one accepted."""
        if self.get(message_id).state == "ACCEPTED":
            raise StateConflict(
                "The message was accepted.",
                remedy="A newer version of the report is sent by itself.",
            )
        self._set(message_id, {"state": "PENDING", "attempts": 0, "next_attempt_at": utcnow()})
        return self.get(message_id)

    def get(self, message_id: str) -> Hl7Message:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.hl7_message).where(t.hl7_message.c.message_id == message_id)
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no message under that identifier.",
                remedy="GET /api/hl7/messages lists them.",
            )
        return _message(row)

    def list(
        self, state: Hl7State | None = None, limit: int = 100, offset: int = 0
    ) -> tuple[Sequence[Hl7Message], int]:
        """The newest first, and how many there are in all."""
        conditions = [] if state is None else [t.hl7_message.c.state == state]
        statement = (
            select(t.hl7_message)
            .where(*conditions)
            .order_by(t.hl7_message.c.created_at.desc(), t.hl7_message.c.message_id)
        )
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset)
            return [_message(row) for row in rows], total

    def _set(self, message_id: str, values: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.hl7_message)
                .where(t.hl7_message.c.message_id == message_id)
                .values(**values, lease_owner="", updated_at=utcnow())
            )


def _message(row: Any) -> Hl7Message:
    return Hl7Message(**{name: row[name] for name in Hl7Message.__dataclass_fields__})
