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
    open_count, size_bytes = _made_by(engine, created_by)
    if open_count >= MOST_OPEN:
        raise LimitExceeded(
            f"{open_count} workitems from here have not ended; {MOST_OPEN} are the most.",
            remedy="Cancel those that nobody will perform.",
        )
    _check_bytes(size_bytes)


def check_growth_of_all(engine: Engine, created_by: str, more_bytes: int) -> None:
    """Before one of them grows. Raises LimitExceeded."""
    if created_by:
        _check_bytes(_made_by(engine, created_by)[1] + more_bytes)


def _made_by(engine: Engine, created_by: str) -> tuple[int, int]:
    """How many have not ended, and the bytes of all."""
    item = t.work_item.c
    query = select(
        func.count().filter(item.state.not_in(ENDED_STATES)),
        func.coalesce(func.sum(item.size_bytes), 0),
    ).where(item.created_by == created_by)
    with as_node(), reading(engine) as connection:
        open_count, size_bytes = connection.execute(query).one()
    return int(open_count), int(size_bytes)


def _check_bytes(size_bytes: int) -> None:
    if size_bytes > MOST_BYTES:
        raise LimitExceeded(
            f"The workitems from here would take more than {MOST_BYTES >> 20} MiB.",
            remedy="Cancel those that nobody will perform; those that ended go in time.",
        )
