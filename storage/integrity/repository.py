"""Instances that were found damaged or lost, by their readers and by the scrub."""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import structlog
from sqlalchemy import ColumnElement, Engine, and_, delete, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance, Location
from storage.core.errors import InstanceDamaged, MediViewError
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.index.moved_instances import not_copied_from_here
from storage.integrity.neighbours import damaged_beside
from storage.integrity.resent import needs_bytes

log = structlog.get_logger(__name__)

_FRESH_S = 10.0
_LOGGED_AT_MOST = 20
_LOGGED_WITHIN_S = 60.0
_LOOKED_BESIDE_S = 60.0
_LOOKED_BESIDE_KEPT = 1000
_WORDS = {
    "damaged": "is damaged: its bytes are no longer those that arrived",
    "missing": "is lost: the volume that held it is missing or was cut off",
}

IN_BUCKET = ("object_damaged", "object_missing")
"""Kinds of damage of the copy in the bucket."""
_WRONG_BYTES = ("damaged", "missing", *IN_BUCKET)

Availability = Literal["ONLINE", "OFFLINE", "UNAVAILABLE"]
"""PS3.3 C.4.23.1.1, the best first. What lies in the bucket alone is had as soon as what lies here;
OFFLINE is what lies on a host that is away (`storage.integrity.offline`)."""


@dataclass(frozen=True)
class DamagedInstance:
    sop_instance_uid: str
    study_instance_uid: str
    kind: str
    """`damaged`, `missing`, `header_damaged` where the bytes themselves are right; of the copy in
    the bucket `object_damaged`, `object_missing`."""
    has_copy: bool
    """Whether another copy gives the bytes that arrived, so that it is repaired soon."""
    noticed_at: datetime


def refusal(sop_instance_uid: str, kind: str) -> InstanceDamaged:
    """The answer to a request for such an instance."""
    return InstanceDamaged(
        f"The stored instance {sop_instance_uid} {_WORDS.get(kind, _WORDS['damaged'])}.",
        remedy="Have it sent to this node again, which repairs it;"
        " 'mediview storage verify' lists all that is damaged.",
    )


def _standing() -> ColumnElement[bool]:
    """The row still names the bytes that were looked at."""
    noted = t.damaged_instance
    return and_(
        t.instance.c.sop_instance_uid == noted.c.sop_instance_uid,
        t.instance.c.digest == noted.c.digest,
        t.instance.c.volume == noted.c.volume,
        t.instance.c.volume_offset == noted.c.volume_offset,
    )


class DamagedInstances:
    """The table, and in each process the few UIDs that nobody should be given. Safe for threads."""

    def __init__(
        self, engine: Engine, offline: Callable[[], frozenset[str]] = frozenset[str]
    ) -> None:
        """`offline`: UIDs of what lies on hosts that are away, and of what holds it."""
        self._engine = engine
        self._read_offline = offline
        self._offline: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._lost: frozenset[str] = frozenset()
        # What has a right copy, and may have a wrong one where it is read: by its kind.
        self._doubted: dict[str, str] = {}
        # Series and studies that hold one of them.
        self._lacking: frozenset[str] = frozenset()
        self._loaded_at: float | None = None
        self._is_loading = False
        self._threads: set[threading.Thread] = set()
        self._is_closed = False
        self._logging_since = float("-inf")
        self._logged = 0
        self._looked_beside: dict[str, float] = {}

    def note(self, instance: Instance, kind: str, *, has_copy: bool) -> None:
        """Remember what was found. It never fails: the reader must get on."""
        values: dict[str, Any] = {
            "study_instance_uid": instance.study_instance_uid,
            "digest": instance.digest,
            "volume": instance.location.volume,
            "volume_offset": instance.location.offset,
            "kind": kind,
            "has_copy": has_copy,
        }
        noted = t.damaged_instance
        uid = instance.sop_instance_uid
        try:
            with writing(self._engine) as connection:
                new = insert_or_ignore(
                    connection,
                    noted,
                    {"sop_instance_uid": uid, "noticed_at": utcnow(), **values},
                )
                if not new:
                    connection.execute(
                        update(noted).where(noted.c.sop_instance_uid == uid).values(**values)
                    )
        except MediViewError as error:
            log.warning("damage_not_noted", sop_instance_uid=uid, error=error.code)
            return
        if new and self._may_log():
            log.error("instance_damaged", sop_instance_uid=uid, kind=kind, has_copy=has_copy)
        with self._lock:
            self._lost = self._lost - {uid} if has_copy else self._lost | {uid}
            self._doubt(uid, kind if has_copy else "")
            if not has_copy:
                # What holds it no more is found out when the table is read again.
                self._lacking |= {instance.series_instance_uid, instance.study_instance_uid}

    def _doubt(self, sop_instance_uid: str, kind: str) -> None:
        """Holds the lock. Readers see the old ones or the new."""
        others = {uid: of for uid, of in self._doubted.items() if uid != sop_instance_uid}
        if kind in _WRONG_BYTES:
            others[sop_instance_uid] = kind
        self._doubted = others

    def _may_log(self) -> bool:
        """Some a minute: a volume that is lost has thousands, and the table names them all."""
        now = time.monotonic()
        with self._lock:
            if now - self._logging_since > _LOGGED_WITHIN_S:
                self._logging_since, self._logged = now, 0
            self._logged += 1
            return self._logged <= _LOGGED_AT_MOST

    def run_beside(self, work: Callable[[], None]) -> None:
        """In a thread that `close` waits for; not at all from then on."""
        thread = threading.Thread(target=work, name="damaged-instances", daemon=True)
        with self._lock:
            if self._is_closed:
                return
            self._threads = {one for one in self._threads if one.is_alive()} | {thread}
            thread.start()

    def close(self) -> None:
        """Before the engine is disposed of."""
        with self._lock:
            self._is_closed = True
            threads = self._threads
        for thread in threads:
            thread.join()

    def clear(self, sop_instance_uids: Collection[str]) -> None:
        """These are whole again. Raises StorageUnavailable, StorageFull."""
        noted = t.damaged_instance
        with writing(self._engine) as connection:
            for portion in in_portions(list(sop_instance_uids)):
                connection.execute(delete(noted).where(noted.c.sop_instance_uid.in_(portion)))
        cleared = set(sop_instance_uids)
        with self._lock:
            self._lost -= cleared
            self._doubted = {uid: of for uid, of in self._doubted.items() if uid not in cleared}

    def replace(
        self, sop_instance_uid: str, digest: str, transfer_syntax_uid: str, location: Location
    ) -> None:
        """The same data set was received again and lies there now.

        Raises StorageUnavailable, StorageFull.
        """
        with writing(self._engine) as connection:
            moved = connection.execute(
                update(t.instance)
                .where(
                    t.instance.c.sop_instance_uid == sop_instance_uid,
                    t.instance.c.digest == digest,
                    t.instance.c.transfer_syntax_uid == transfer_syntax_uid,
                )
                .values(
                    volume=location.volume,
                    volume_offset=location.offset,
                    size_bytes=location.length,
                    **{**not_copied_from_here(), "object_key": ""},
                )
            )
            if not moved.rowcount:
                return
            noted = t.damaged_instance
            connection.execute(delete(noted).where(noted.c.sop_instance_uid == sop_instance_uid))
        with self._lock:
            self._lost -= {sop_instance_uid}
            self._doubt(sop_instance_uid, "")
        log.info("instance_repaired", sop_instance_uid=sop_instance_uid)

    def is_lost(self, sop_instance_uid: str) -> bool:
        """Whether no copy is known to be right, as of some seconds ago; waits for nothing."""
        self._keep_fresh()
        return sop_instance_uid in self._lost

    def doubt_of(self, sop_instance_uid: str) -> str:
        """The kind of damage of an instance that has a right copy somewhere; empty of others.

        As of some seconds ago; waits for nothing.
        """
        self._keep_fresh()
        return self._doubted.get(sop_instance_uid, "")

    def availability_of(self, uid: str) -> Availability:
        """Of an instance, a series or a study, by its UID: the least of what it holds, as
        `is_lost` knows it."""
        self._keep_fresh()
        if uid in self._lost or uid in self._lacking:
            return "UNAVAILABLE"
        return "OFFLINE" if uid in self._offline else "ONLINE"

    def lost_among(self, sop_instance_uids: Iterable[str]) -> int:
        """How many of them are lost; as `is_lost`."""
        self._keep_fresh()
        return len(self._lost.intersection(sop_instance_uids)) if self._lost else 0

    def _keep_fresh(self) -> None:
        if self._loaded_at is None or time.monotonic() - self._loaded_at > _FRESH_S:
            with self._lock:
                is_mine, self._is_loading = not self._is_loading, True
            if is_mine:
                self.run_beside(self._load)

    def needs_bytes(self, sop_instance_uid: str, volumes: Path) -> bool:
        """As `storage.integrity.resent.needs_bytes`."""
        return needs_bytes(self._engine, sop_instance_uid, volumes)

    def look_beside(self, volume: str, folder: Path) -> None:
        """Note in the background what else is damaged or lost in a volume; now and then each."""
        now = time.monotonic()
        with self._lock:
            if now - self._looked_beside.get(volume, -_LOOKED_BESIDE_S) < _LOOKED_BESIDE_S:
                return
            self._looked_beside[volume] = now
            if len(self._looked_beside) > _LOOKED_BESIDE_KEPT:
                del self._looked_beside[next(iter(self._looked_beside))]
        self.run_beside(partial(self._note_beside, volume, folder))

    def _note_beside(self, volume: str, folder: Path) -> None:
        with suppress(MediViewError, OSError):
            for instance, state in damaged_beside(self._engine, folder, volume):
                self.note(instance, state, has_copy=False)

    def _load(self) -> None:
        try:
            with reading(self._engine) as connection:
                rows = connection.execute(
                    select(
                        t.damaged_instance.c.sop_instance_uid,
                        t.series.c.series_instance_uid,
                        t.damaged_instance.c.study_instance_uid,
                        t.damaged_instance.c.kind,
                        t.damaged_instance.c.has_copy,
                    )
                    .join(t.instance, _standing())
                    .join(t.series, t.instance.c.series_fk == t.series.c.id)
                )
                found = rows.all()
            lost = [(uid, *above) for uid, *above, _, has_copy in found if not has_copy]
            doubted = {
                uid: kind for uid, *_, kind, has_copy in found if has_copy and kind in _WRONG_BYTES
            }
            offline = self._read_offline()
            with self._lock:
                self._lost = frozenset(uid for uid, *_ in lost)
                self._lacking = frozenset(uid for _, *above in lost for uid in above)
                self._doubted = doubted
                self._offline = offline
        except MediViewError:
            pass  # The database is away; those that are known stay so.
        finally:
            self._loaded_at = time.monotonic()
            self._is_loading = False

    def count(self, *, lost_only: bool = False) -> int:
        noted = t.damaged_instance
        query = select(func.count()).select_from(noted.join(t.instance, _standing()))
        if lost_only:
            query = query.where(noted.c.has_copy.is_(False))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def noted(self) -> tuple[int, int, datetime | None]:
        """How many are noted, how many of them have no copy, and when the last one was noticed."""
        noted = t.damaged_instance.c
        counted = select(
            func.count(), func.count().filter(noted.has_copy.is_(False)), func.max(noted.noticed_at)
        )
        with reading(self._engine) as connection:
            in_all, lost, last = connection.execute(counted).one()
        return in_all, lost, last

    def newest(self, limit: int = 20) -> list[DamagedInstance]:
        """Those without a right copy first."""
        noted = t.damaged_instance
        order = (noted.c.has_copy, noted.c.noticed_at.desc())
        return self._rows(noted.c.kind != "", order, limit)

    def to_repair(self, limit: int, *, has_copy: bool) -> list[DamagedInstance]:
        """In an order that brings those of one volume together."""
        noted = t.damaged_instance
        order = (noted.c.volume, noted.c.volume_offset)
        return self._rows(noted.c.has_copy.is_(has_copy), order, limit)

    def of_studies(self, study_instance_uids: Iterable[str]) -> dict[str, list[DamagedInstance]]:
        """By study, those without a right copy first; studies without any are left out."""
        found: dict[str, list[DamagedInstance]] = {}
        noted = t.damaged_instance
        for portion in in_portions(list(study_instance_uids)):
            wanted = noted.c.study_instance_uid.in_(portion)
            for one in self._rows(wanted, (noted.c.has_copy, noted.c.sop_instance_uid), None):
                found.setdefault(one.study_instance_uid, []).append(one)
        return found

    def forget_replaced(self) -> None:
        """Remove what was noted of bytes that no row names any more."""
        noted = t.damaged_instance
        kept = select(noted.c.sop_instance_uid).join(t.instance, _standing())
        with writing(self._engine) as connection:
            connection.execute(delete(noted).where(noted.c.sop_instance_uid.not_in(kept)))

    def _rows(
        self, condition: ColumnElement[bool], order: tuple[Any, ...], limit: int | None
    ) -> list[DamagedInstance]:
        columns = [t.damaged_instance.c[name] for name in DamagedInstance.__dataclass_fields__]
        query = (
            select(*columns)
            .join(t.instance, _standing())
            .where(condition)
            .order_by(*order)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [DamagedInstance(**row) for row in connection.execute(query).mappings()]
