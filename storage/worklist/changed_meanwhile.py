"""Two messages about one order at once: the one that comes second looks again."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.errors import StateConflict

_LOCK = 0x6D766F72
_AT_MOST = 50
T = TypeVar("T")


class ChangedMeanwhile(StateConflict):
    """Another message has made or changed the order since it was read."""


def looking_again(take: Callable[[], T]) -> T:
    """`take` reads the order and writes it; once more where another was faster in between.

    Raises ChangedMeanwhile where that goes on.
    """
    for _ in range(_AT_MOST - 1):
        try:
            return take()
        except ChangedMeanwhile:
            continue
    return take()


def check_is_first(connection: Connection, accession_number: str) -> None:
    """Nobody else makes an order of that number until the transaction ends.

    Raises ChangedMeanwhile where one is there.
    """
    # SQLite has one writer at a time.
    if connection.dialect.name == "postgresql":
        number = func.hashtext(accession_number)
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, number)))
    of_number = t.worklist_item.c.accession_number == accession_number
    query = select(t.worklist_item.c.worklist_item_id).where(of_number).limit(1)
    if connection.execute(query).first() is not None:
        raise changed_meanwhile()


def changed_meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile(
        "Another message has changed the order at the same time.", remedy="Send it again."
    )
