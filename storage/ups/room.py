"""How many workitems one caller may have made, and how long ones.

What nobody ends stays, and what has ended stays for its retention.
"""

from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.entities import ENDED_STATES
from storage.core.errors import LimitExceeded
from storage.db.engine import reading

MOST_OPEN = 20_000
"""Of one caller: an identity, or an address where nobody signed in."""
MOST_BYTES = 512 << 20
"""Of those that ended, too: more than 100,000 of usual length."""


def check_room(engine: Engine, created_by: str) -> None:
    """Before another one is made. What the node makes itself has no limit.

    Those count that the caller does not see, too.

    Raises LimitExceeded.
    """
    if not created_by:
        return
    item = t.work_item.c
    is_of_caller = item.created_by == created_by
    is_open = item.state.not_in(ENDED_STATES)
    with as_node(), reading(engine) as connection:
        query = select(func.count()).select_from(t.work_item).where(is_of_caller, is_open)
        count = connection.execute(query).scalar_one()
    if count >= MOST_OPEN:
        raise LimitExceeded(
            f"{count} workitems from here have not ended; {MOST_OPEN} are the most.",
            remedy="Cancel those that nobody will perform.",
        )
    check_growth_of_all(engine, created_by, 0)


def check_growth_of_all(engine: Engine, created_by: str, more_bytes: int) -> None:
    """Before one of them grows. Raises LimitExceeded."""
    if not created_by:
        return
    item = t.work_item.c
    with as_node(), reading(engine) as connection:
        query = select(func.sum(item.size_bytes)).where(item.created_by == created_by)
        size_bytes = connection.execute(query).scalar() or 0
    if size_bytes + more_bytes > MOST_BYTES:
        raise LimitExceeded(
            f"The workitems from here would take more than {MOST_BYTES >> 20} MiB.",
            remedy="Cancel those that nobody will perform; those that ended go in time.",
        )
