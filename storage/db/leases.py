"""What deliveries and messages share: who may try, and for how long it is his.

A lease is short and renewed as long as its owner works: the renewals are the owner's
heartbeat, and what a killed process was sending is free half a minute later.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Table, case

from storage.core.errors import MediViewError

log = structlog.get_logger(__name__)

LEASE_S = 30.0
_RENEWALS_PER_LEASE = 6
OWNER_ENDED = "The process that was sending it ended in the middle, so it is sent again."

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
        "last_error": case((table.c.state == "SENDING", OWNER_ENDED), else_=table.c.last_error),
        "next_attempt_at": now + timedelta(seconds=lease_s),
        "updated_at": now,
    }


@contextmanager
def renewed(renew: Callable[[], object], what: str) -> Iterator[None]:
    """Renew a lease of `LEASE_S` from a thread within the block; `what` names it in the log."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(LEASE_S / _RENEWALS_PER_LEASE):
            try:
                renew()
            except MediViewError as error:
                # The next one may succeed; without any, another sends once more.
                log.warning("lease_not_renewed", what=what, error=error.code)

    thread = threading.Thread(target=keep, name=f"{what}-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
