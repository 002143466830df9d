"""Instances that were found damaged or lost, by their readers and by the scrub."""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Engine, delete, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance, Location
from storage.core.errors import InstanceDamaged, MediViewError
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.index.moved_instances import not_copied_from_here
from storage.integrity.known_damage import KnownDamage, standing
from storage.integrity.neighbours import damaged_beside
from storage.integrity.resent import needs_bytes

log = structlog.get_logger(__name__)

_LOGGED_AT_MOST = 20
_LOGGED_WITHIN_S = 60.0
_LOOKED_BESIDE_S = 60.0
_LOOKED_BESIDE_KEPT = 1000
_WORDS = {
    "damaged": "is damaged: its bytes are no longer those that arrived",
    "missing": "is lost: the volume that held it is missing or was cut off",
}


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


class DamagedInstances:
    """The table, and what the process knows of it. Safe for threads."""

    def __init__(
        self, engine: Engine, offline: Callable[[], frozenset[str]] = frozenset[str]
    ) -> None:
        """`offline`: UIDs of what lies on hosts that are away, and of what holds it."""
        self._engine = engine
        self._lock = threading.Lock()
        self.known = KnownDamage(engine, offline, self.run_beside)
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
        self.known.note(instance, kind, has_copy=has_copy)

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
        self.known.forget(sop_instance_uids)

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
        self.known.forget([sop_instance_uid])
        log.info("instance_repaired", sop_instance_uid=sop_instance_uid)

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

    def count(self, *, lost_only: bool = False) -> int:
        noted = t.damaged_instance
        query = select(func.count()).select_from(noted.join(t.instance, standing()))
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
        kept = select(noted.c.sop_instance_uid).join(t.instance, standing())
        with writing(self._engine) as connection:
            connection.execute(delete(noted).where(noted.c.sop_instance_uid.not_in(kept)))

    def _rows(
        self, condition: ColumnElement[bool], order: tuple[Any, ...], limit: int | None
    ) -> list[DamagedInstance]:
        columns = [t.damaged_instance.c[name] for name in DamagedInstance.__dataclass_fields__]
        query = (
            select(*columns)
            .join(t.instance, standing())
            .where(condition)
            .order_by(*order)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [DamagedInstance(**row) for row in connection.execute(query).mappings()]
