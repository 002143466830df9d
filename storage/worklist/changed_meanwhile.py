"""Two messages about one order at once: the one that comes second looks again."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, func, select

from storage.core.accession_issuers import issuer_in
from storage.core.errors import StateConflict
from storage.worklist.numbers import has_undecided, is_number_taken

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


def check_is_first(
    engine: Engine,
    connection: Connection,
    accession_number: str,
    patient: Mapping[str, Any],
    *,
    apart_from: str = "",
) -> None:
    """Nobody else makes an order of that number until the transaction ends.

    `apart_from`: the item that is to have the number.

    Raises ChangedMeanwhile where one is there (`is_number_taken`), StateConflict where it is the
    caller's own that no rule has decided on yet.
    """
    # SQLite has one writer at a time.
    if connection.dialect.name == "postgresql":
        number = func.hashtext(accession_number)
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, number)))
    if is_number_taken(connection, accession_number, patient, apart_from):
        raise changed_meanwhile()
    if has_undecided(engine, accession_number, issuer_in(patient)):
        raise StateConflict(
            "An order of that accession number came a moment ago, and it is not yet decided who"
            " sees it.",
            remedy="Send it again in a second.",
        )


def changed_meanwhile() -> ChangedMeanwhile:
    return ChangedMeanwhile(
        "Another message has changed the order at the same time.", remedy="Send it again."
    )
