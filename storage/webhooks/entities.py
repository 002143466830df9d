"""What a notice on its way to a webhook is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.webhooks.payloads import NoticeBody

NoticeState = Literal["PENDING", "DELIVERED", "DEAD"]


@dataclass(frozen=True)
class WebhookDelivery:
    """One notice to one webhook; `number` gives the order."""

    number: int
    delivery_id: str
    webhook_id: str
    event_type: str
    payload: NoticeBody
    state: NoticeState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    last_status: int | None
    created_at: datetime
    ended_at: datetime | None
    message_id: str = ""
    """Of what went to people, several in one message; empty before its first attempt."""


@dataclass(frozen=True)
class DueReceiver:
    """Something is to be sent to it now. `is_urgent`: a notice of a critical finding waits."""

    webhook_id: str
    created_by_id: str
    is_urgent: bool
