"""Read everything that is stored within some days, a little at a time, and note what is damaged.

Volumes are read past the page cache, which may still have what the disk has lost. How far the
scrub has come stands in the database, so that it goes on after a restart, on whatever machine.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine, func, select, update

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.index.repository import Index
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.integrity.copies import READABLE, state_in_bucket, state_in_volume
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore
from storage.volumes.reader import VolumeReader
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_TICK_BYTES = 64 << 20
_LEAST_BYTES = 8 << 20
_ROWS_AT_ONCE = 200
_TOTAL_EVERY_S = 3600.0


@dataclass(frozen=True)
class ScrubState:
    last_row_id: int
    checked_bytes: int
    total_bytes: int
    started_at: datetime
    finished_at: datetime | None
    """When everything had been read the last time."""


def scrub_state(engine: Engine) -> ScrubState | None:
    """How far it has come; None before the first time."""
    columns = [t.scrub.c[name] for name in ScrubState.__dataclass_fields__]
    with reading(engine) as connection:
        row = connection.execute(select(*columns).limit(1)).mappings().first()
    return None if row is None else ScrubState(**row)


class Scrub:
    """One process at a time, who holds the housekeeping lock."""

    def __init__(
        self,
        engine: Engine,
        volumes: VolumeWriter,
        objects: ObjectStore,
        damaged: DamagedInstances,
        days: float,
        is_elsewhere: Callable[[str], bool] = lambda _volume: False,
    ) -> None:
        """`is_elsewhere` says which volumes another host has."""
        self._engine = engine
        self._index = Index(engine)
        self._volumes = volumes
        self._objects = objects
        self._damaged = damaged
        self._period = timedelta(days=days)
        self._is_elsewhere = is_elsewhere
        self._total_next_s = 0.0

    def tick(self, now: datetime) -> int:
        """Read what is due by now, 64 MiB at most; how many bytes that were.

        Raises StorageUnavailable where database or bucket do not answer.
        """
        state = self._state(now)
        share = (now - state.started_at) / self._period
        due_bytes = int(state.total_bytes * share) - state.checked_bytes
        if share >= 1:
            # More has arrived than there was to do: bring the round to its end.
            due_bytes = max(due_bytes, _TICK_BYTES)
        if due_bytes < min(_LEAST_BYTES, state.total_bytes // 100 + 1):
            return 0
        after, is_end = self._read(state, min(due_bytes, _TICK_BYTES))
        if is_end:
            log.info("scrub_finished", checked_bytes=after.checked_bytes)
            after = ScrubState(0, 0, self._total_bytes(), now, now)
        self._save(after)
        return after.checked_bytes - state.checked_bytes if not is_end else 0

    def _state(self, now: datetime) -> ScrubState:
        state = scrub_state(self._engine)
        if state is None:
            state = ScrubState(0, 0, self._total_bytes(), now, None)
            with writing(self._engine) as connection:
                insert_or_ignore(connection, t.scrub, {"id": 1, **_values(state)})
        elif now < state.started_at:
            # The clock was set back; the round takes longer by as much.
            state = replace(state, started_at=now)
        if time.monotonic() >= self._total_next_s:
            self._total_next_s = time.monotonic() + _TOTAL_EVERY_S
            state = replace(state, total_bytes=self._total_bytes())
        return state

    def _total_bytes(self) -> int:
        """What is to be read: instances in volumes, and again where they are in the bucket."""
        size = t.instance.c.size_bytes
        in_bucket = func.coalesce(func.sum(size).filter(t.instance.c.object_key != ""), 0)
        with reading(self._engine) as connection:
            row = connection.execute(select(func.coalesce(func.sum(size), 0), in_bucket)).one()
        return int(row[0]) + int(row[1])

    def _read(self, state: ScrubState, budget_bytes: int) -> tuple[ScrubState, bool]:
        """The state after up to so many bytes, one instance at least, and whether none is left."""
        checked, last, is_end = 0, state.last_row_id, False
        reader = VolumeReader(self._volumes.folder)
        try:
            while checked < budget_bytes:
                with reading(self._engine) as connection:
                    rows = connection.execute(
                        select_stored_instances(t.instance.c.id > last)
                        .order_by(t.instance.c.id)
                        .limit(_ROWS_AT_ONCE)
                    )
                    found = [(row["id"], to_instance(row)) for row in rows.mappings()]
                if not found:
                    is_end = True
                    break
                for row_id, instance in found:
                    self._look_at(instance, reader)
                    copies = 1 + bool(instance.location.object_key)
                    checked += instance.size_bytes * copies
                    last = row_id
                    if checked >= budget_bytes:
                        break
        finally:
            reader.close()
        after = replace(state, last_row_id=last, checked_bytes=state.checked_bytes + checked)
        return after, is_end

    def _look_at(self, instance: Instance, reader: VolumeReader) -> None:
        location = instance.location
        local = (
            state_in_volume(reader, instance, past_the_cache=True) if location.volume else "missing"
        )
        if not location.object_key:
            if (
                local != "whole"
                and not self._is_elsewhere(location.volume)
                and self._is_still_there(instance)
            ):
                self._damaged.note(instance, local, has_copy=local in READABLE)
            return
        in_bucket = state_in_bucket(self._objects, instance)
        # With a bucket the volumes are a cache, and may lack anything.
        if local in ("whole", "missing") and in_bucket == "whole":
            return
        if self._is_still_there(instance):
            kind = f"object_{in_bucket}" if local in ("whole", "missing") else local
            has_copy = local in READABLE or in_bucket == "whole"
            self._damaged.note(instance, kind, has_copy=has_copy)

    def _is_still_there(self, instance: Instance) -> bool:
        try:
            return self._index.instance(instance.sop_instance_uid).location == instance.location
        except NotFound:
            return False

    def _save(self, state: ScrubState) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(t.scrub).values(**_values(state)))


def _values(state: ScrubState) -> dict[str, object]:
    return {name: getattr(state, name) for name in ScrubState.__dataclass_fields__}
