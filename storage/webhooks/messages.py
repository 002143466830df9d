"""What goes to people in one message: several notices, together delivered, put off or given up.

Which notices a message holds is noted before its first attempt. So it stays the same when it comes
again, under the same id, and a receiver of mail can drop the double.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.webhooks.entities import WebhookDelivery
from storage.webhooks.failures import announce_given_up

_NOTICES_AT_MOST = 5000


@dataclass(frozen=True)
class Message:
    """`attempts`: how many failed before."""

    message_id: str
    notices: tuple[WebhookDelivery, ...]

    @property
    def attempts(self) -> int:
        return max(one.attempts for one in self.notices)


def start_message(engine: Engine, webhook_id: str, now: datetime) -> Message | None:
    """What goes next to a receiver that this sender has claimed; None: nothing is due.

    The notices of a message that was tried before, or all that wait.
    """
    table = t.webhook_delivery
    pending = (table.c.webhook_id == webhook_id, table.c.state == "PENDING")
    with writing(engine) as connection:
        first = connection.execute(
            select(table).where(*pending).order_by(table.c.number).limit(1)
        ).first()
        if first is None or first.next_attempt_at > now:
            return None
        message_id = first.message_id or str(uuid.uuid4())
        if not first.message_id:
            waiting = (
                select(table.c.number)
                .where(*pending, table.c.message_id == "")
                .order_by(table.c.number)
                .limit(_NOTICES_AT_MOST)
            )
            connection.execute(
                update(table)
                .where(table.c.number.in_(waiting), table.c.state == "PENDING")
                .values(message_id=message_id)
            )
        # Of those that were noted, and of no others: some may have been sent again meanwhile.
        rows = connection.execute(
            select(table).where(*pending, table.c.message_id == message_id).order_by(table.c.number)
        ).mappings()
        notices = tuple(WebhookDelivery(**row) for row in rows)
    # Its receiver may have been removed meanwhile.
    return Message(message_id, notices) if notices else None


def message_delivered(engine: Engine, message: Message, status: int | None, now: datetime) -> None:
    values = {"state": "DELIVERED", "last_status": status, "ended_at": now, "last_error": ""}
    _end(engine, message, values)


def message_failed(
    engine: Engine,
    message: Message,
    error: str,
    status: int | None,
    next_attempt_at: datetime | None,
) -> None:
    """Put it off, or give it up where there is no next attempt."""
    values: dict[str, Any] = {"last_error": error, "last_status": status}
    if next_attempt_at is None:
        values |= {"state": "DEAD", "ended_at": utcnow()}
    else:
        values["next_attempt_at"] = next_attempt_at
    _end(engine, message, values)


def _end(engine: Engine, message: Message, values: dict[str, Any]) -> None:
    table = t.webhook_delivery
    webhook_id = message.notices[0].webhook_id
    with writing(engine) as connection:
        ended = connection.execute(
            update(table)
            .where(
                table.c.webhook_id == webhook_id,
                table.c.state == "PENDING",
                table.c.message_id == message.message_id,
            )
            .values(**values, attempts=table.c.attempts + 1)
            .returning(table)
        ).all()
        if values.get("state") == "DEAD":
            announce_given_up(connection, webhook_id, ended)
