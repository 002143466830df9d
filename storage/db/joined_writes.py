"""A write that joins the next transaction: a change and its record are committed together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Connection


@dataclass(eq=False, slots=True)
class JoinedWrite:
    """`write` says whether it wrote. `is_committed`: whether a transaction has taken it along."""

    write: Callable[[Connection], bool]
    is_committed: bool = False


_WAITING: ContextVar[JoinedWrite | None] = ContextVar("joined_write", default=None)


@contextmanager
def joining_next_transaction(write: Callable[[Connection], bool]) -> Iterator[JoinedWrite]:
    """The first transaction that is committed inside and that `write` writes in takes it along,
    in any thread that works for the caller. What raises in it rolls the transaction back.
    """
    joined = JoinedWrite(write)
    token = _WAITING.set(joined)
    try:
        yield joined
    finally:
        _WAITING.reset(token)


@contextmanager
def joining_nothing() -> Iterator[None]:
    """What is committed inside is no part of the change: it takes nothing along."""
    token = _WAITING.set(None)
    try:
        yield
    finally:
        _WAITING.reset(token)


def waiting_write() -> JoinedWrite | None:
    """What the transaction that is about to be committed has to take along."""
    joined = _WAITING.get()
    return None if joined is None or joined.is_committed else joined
