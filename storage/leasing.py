"""What deliveries and messages share: who may try, and for how long it is his."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table

OPEN = ("PENDING", "SENDING")
"""States in which something is still to be tried."""


def due(table: Table, now: datetime) -> list[ColumnElement[bool]]:
    """Conditions of what may be tried now.

    A row that is SENDING when its time has passed was held by a sender that died.
    """
    return [table.c.state.in_(OPEN), table.c.next_attempt_at <= now]


def taken(table: Table, owner: str, lease_s: float, now: datetime) -> dict[str, Any]:
    """Values of a row that `owner` tries until its lease ends."""
    return {
        "state": "SENDING",
        "lease_owner": owner,
        "attempts": table.c.attempts + 1,
        "next_attempt_at": now + timedelta(seconds=lease_s),
        "updated_at": now,
    }
