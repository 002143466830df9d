"""What a process knows of damage without asking the database for each read."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import ColumnElement, Engine, and_, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import MediViewError
from storage.db.engine import reading

_FRESH_S = 10.0

IN_BUCKET = ("object_damaged", "object_missing")
"""Kinds of damage of the copy in the bucket."""
_WRONG_BYTES = ("damaged", "missing", *IN_BUCKET)

Availability = Literal["ONLINE", "OFFLINE", "UNAVAILABLE"]
"""PS3.3 C.4.23.1.1, the best first. What lies in the bucket alone is had as soon as what lies here;
OFFLINE is what lies on a host that is away (`storage.integrity.offline`)."""


def standing() -> ColumnElement[bool]:
    """The row of the instance still names the bytes that were looked at."""
    noted = t.damaged_instance
    return and_(
        t.instance.c.sop_instance_uid == noted.c.sop_instance_uid,
        t.instance.c.digest == noted.c.digest,
        t.instance.c.volume == noted.c.volume,
        t.instance.c.volume_offset == noted.c.volume_offset,
    )


class KnownDamage:
    """The few UIDs that nobody should be given, as of some seconds ago. Nothing waits for the
    database. Safe for threads."""

    def __init__(
        self,
        engine: Engine,
        offline: Callable[[], frozenset[str]],
        run_beside: Callable[[Callable[[], None]], None],
    ) -> None:
        """`offline`: UIDs of what lies on hosts that are away, and of what holds it."""
        self._engine = engine
        self._read_offline = offline
        self._run_beside = run_beside
        self._lock = threading.Lock()
        self.when_changed: Callable[[], None] = lambda: None
        """Called once instances are found to be damaged, or are whole again: what was made of
        their bytes before may be wrong."""
        self._lost: frozenset[str] = frozenset()
        # What has a right copy, and may have a wrong one where it is read: by its kind.
        self._doubted: dict[str, str] = {}
        # Series and studies that hold a lost one.
        self._lacking: frozenset[str] = frozenset()
        self._offline: frozenset[str] = frozenset()
        self._loaded_at: float | None = None
        self._is_loading = False

    def note(self, instance: Instance, kind: str, *, has_copy: bool) -> None:
        uid = instance.sop_instance_uid
        with self._changing():
            self._lost -= {uid}
            doubted = _without(self._doubted, {uid})
            if not has_copy:
                self._lost |= {uid}
                # What holds it no more is found out when the table is read again.
                self._lacking |= {instance.series_instance_uid, instance.study_instance_uid}
            elif kind in _WRONG_BYTES:
                doubted[uid] = kind
            self._doubted = doubted

    def forget(self, sop_instance_uids: Collection[str]) -> None:
        """These are whole again."""
        with self._changing():
            self._lost -= set(sop_instance_uids)
            self._doubted = _without(self._doubted, set(sop_instance_uids))

    def is_lost(self, sop_instance_uid: str) -> bool:
        """Whether no copy is known to be right."""
        self._keep_fresh()
        return sop_instance_uid in self._lost

    def doubt_of(self, sop_instance_uid: str) -> str:
        """The kind of damage of an instance that has a right copy somewhere; empty of others."""
        self._keep_fresh()
        return self._doubted.get(sop_instance_uid, "")

    def availability_of(self, uid: str) -> Availability:
        """Of an instance, a series or a study, by its UID: the least of what it holds."""
        self._keep_fresh()
        if uid in self._lost or uid in self._lacking:
            return "UNAVAILABLE"
        return "OFFLINE" if uid in self._offline else "ONLINE"

    def lost_among(self, sop_instance_uids: Iterable[str]) -> int:
        """How many of them are lost."""
        self._keep_fresh()
        return len(self._lost.intersection(sop_instance_uids)) if self._lost else 0

    def _keep_fresh(self) -> None:
        if self._loaded_at is None or time.monotonic() - self._loaded_at > _FRESH_S:
            with self._lock:
                is_mine, self._is_loading = not self._is_loading, True
            if is_mine:
                self._run_beside(self._load)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            before = self._lost, self._doubted
            yield
            is_other = (self._lost, self._doubted) != before
        if is_other:
            self.when_changed()

    def _load(self) -> None:
        noted = t.damaged_instance.c
        query = (
            select(
                noted.sop_instance_uid,
                noted.study_instance_uid,
                t.series.c.series_instance_uid,
                noted.kind,
                noted.has_copy,
            )
            .join(t.instance, standing())
            .join(t.series, t.instance.c.series_fk == t.series.c.id)
        )
        try:
            with reading(self._engine) as connection:
                rows = connection.execute(query).all()
            lost = [row for row in rows if not row.has_copy]
            doubted = {
                row.sop_instance_uid: str(row.kind)
                for row in rows
                if row.has_copy and row.kind in _WRONG_BYTES
            }
            offline = self._read_offline()
            with self._changing():
                self._lost = frozenset(row.sop_instance_uid for row in lost)
                self._lacking = frozenset(
                    uid for row in lost for uid in (row.study_instance_uid, row.series_instance_uid)
                )
                self._doubted = doubted
                self._offline = offline
        except MediViewError:
            pass  # The database is away; those that are known stay so.
        finally:
            self._loaded_at = time.monotonic()
            self._is_loading = False


def _without(doubted: dict[str, str], uids: Collection[str]) -> dict[str, str]:
    # Another one, for readers have no lock.
    return {uid: kind for uid, kind in doubted.items() if uid not in uids}
