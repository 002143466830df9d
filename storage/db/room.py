"""How much of a table one sender may take, and all of them: what nobody removes grows for ever.

Counted over all processes, and looked up again every few seconds; what a process adds itself
counts at once. Where the table is full each sender has an equal part of it.
"""

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnClause, Connection, Engine, column, func, select, table

from storage.core.errors import NoRoom
from storage.db.engine import reading

_REMEMBERED_S = 2.0
_PART_OF_TIME = 50
"""Counting takes a fiftieth of the time at most, however long the table is."""


@dataclass(frozen=True)
class Limits:
    number: int
    size_bytes: int


@dataclass(frozen=True)
class RoomOf:
    """What is counted: `sender` names the caller that sent a row; empty: the node itself."""

    what: str
    """In the plural, as in "conflicts that wait for a decision"."""
    remedy: str
    sender: Column[str]
    size_bytes: Column[int]
    of_one: Limits
    of_all: Limits
    only_of_senders: bool = False
    """What the node adds itself is not counted in all: other things stand in the table, too."""


@dataclass(frozen=True)
class Usage:
    number: int
    size_bytes: int
    largest_part: float
    """Of its room, as the sender with most has taken it; 1: it is refused."""


@dataclass
class _Kept:
    number: int = 0
    size_bytes: int = 0


@dataclass
class _Counted:
    until_s: float = float("-inf")
    of_sender: dict[str, _Kept] = field(default_factory=dict)


class Room:
    """Safe for threads."""

    def __init__(self, engine: Engine, room_of: RoomOf) -> None:
        self._engine = engine
        self._of = room_of
        self._lock = threading.Lock()
        self._counted = _Counted()

    def take(
        self,
        sender: str,
        size_bytes: int,
        *,
        is_new: bool = True,
        connection: Connection | None = None,
    ) -> None:
        """Before a row of so many bytes is added, or before one grows by them.

        `connection`: of the transaction that adds it, where there is one. Raises NoRoom. The node
        itself always has room.
        """
        if not sender:
            return
        with self._lock:
            self._look_again(connection)
            kept = self._counted.of_sender.setdefault(sender, _Kept())
            limits = self._limits()
            if kept.number + is_new > limits.number:
                raise self._refused(f"{kept.number:,} {self._of.what} came from {sender}", limits)
            if kept.size_bytes + size_bytes > limits.size_bytes:
                mib = kept.size_bytes >> 20
                raise self._refused(f"{self._of.what} from {sender} take {mib:,} MiB", limits)
            kept.number += is_new
            kept.size_bytes += size_bytes

    def usage(self) -> Usage:
        """As far as it is known: a few seconds old at most."""
        with self._lock:
            self._look_again()
            kept, limits = self._counted.of_sender, self._limits()
            parts = (
                max(one.number / limits.number, one.size_bytes / limits.size_bytes)
                for sender, one in kept.items()
                if sender
            )
            number = sum(one.number for one in kept.values())
            size_bytes = sum(one.size_bytes for one in kept.values())
            return Usage(number, size_bytes, max(parts, default=0.0))

    def _look_again(self, connection: Connection | None = None) -> None:
        if time.monotonic() >= self._counted.until_s:
            self._counted = self._count(connection)

    def _limits(self) -> Limits:
        """Of one sender, by how much there is of all of them."""
        kept = self._counted.of_sender
        number = sum(one.number for one in kept.values())
        size_bytes = sum(one.size_bytes for one in kept.values())
        of_one, of_all = self._of.of_one, self._of.of_all
        if number < of_all.number and size_bytes < of_all.size_bytes:
            return of_one
        senders = max(1, len(kept.keys() - {""}))
        return Limits(
            min(of_one.number, of_all.number // senders),
            min(of_one.size_bytes, of_all.size_bytes // senders),
        )

    def _count(self, connection: Connection | None) -> _Counted:
        begun_s = time.monotonic()
        # By name alone: all rows count, also on a connection that shows a caller its own.
        sender: ColumnClause[str] = column(self._of.sender.name)
        size: ColumnClause[int] = column(self._of.size_bytes.name)
        rows = table(self._of.sender.table.name, sender, size)
        query = (
            select(sender, func.count(), func.coalesce(func.sum(size), 0))
            .select_from(rows)
            .group_by(sender)
        )
        if self._of.only_of_senders:
            query = query.where(sender != "")
        opened = nullcontext(connection) if connection is not None else reading(self._engine)
        with opened as reader:
            of_sender = {
                sender: _Kept(int(number), int(size_bytes))
                for sender, number, size_bytes in reader.execute(query)
            }
        now_s = time.monotonic()
        remembered_s = max(_REMEMBERED_S, _PART_OF_TIME * (now_s - begun_s))
        return _Counted(now_s + remembered_s, of_sender)

    def _refused(self, found: str, limits: Limits) -> NoRoom:
        return NoRoom(
            f"{found[0].upper()}{found[1:]}; {limits.number:,} of one sender, and"
            f" {limits.size_bytes >> 20:,} MiB, are the most.",
            remedy=self._of.remedy,
        )
