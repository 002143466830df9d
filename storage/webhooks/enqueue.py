"""Notices of events: what they say, and when each is due."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from storage import tables as t
from storage.core.clock import rfc3339, utcnow
from storage.webhooks.payloads import NoticeBody, NoticeData
from storage.webhooks.people import PROGRAMS, URGENT_EVENTS, due_at


def enqueue(
    connection: Connection,
    hook: Mapping[str, Any],
    event_type: str,
    data: NoticeData,
    at: datetime,
) -> None:
    """Put a notice on its way to a receiver, a row of `webhook`."""
    due = due_at(hook, event_type, at)
    table = t.webhook_delivery
    insert_notice(connection, hook["webhook_id"], event_type, data, at, due)
    if event_type in URGENT_EVENTS and hook["kind"] not in PROGRAMS:
        # What waits before it goes with it: the order stays.
        connection.execute(
            update(table)
            .where(
                table.c.webhook_id == hook["webhook_id"],
                table.c.state == "PENDING",
                table.c.next_attempt_at > due,
            )
            .values(next_attempt_at=due)
        )


def insert_notice(
    connection: Connection,
    webhook_id: str,
    event_type: str,
    data: NoticeData,
    at: datetime,
    due: datetime,
) -> None:
    """The same with `due`: when it is to be sent."""
    delivery_id = str(uuid.uuid4())
    connection.execute(
        insert(t.webhook_delivery).values(
            delivery_id=delivery_id,
            webhook_id=webhook_id,
            event_type=event_type,
            payload=notice_payload(delivery_id, event_type, data, at),
            state="PENDING",
            attempts=0,
            next_attempt_at=due,
            created_at=utcnow(),
        )
    )


def notice_payload(delivery_id: str, event_type: str, data: NoticeData, at: datetime) -> NoticeBody:
    """The body of a notice."""
    return {"id": delivery_id, "type": event_type, "timestamp": rfc3339(at), "data": data}
