"""Move what was received from the local volumes to the bucket, in the background.

By default one object an instance, `dicom/{study}/{series}/{instance}.dcm`, so
that other tools can read the bucket; by setting whole volumes. The local volume
stays as the cache.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Engine, exists, select, true, update

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged, NotFound, StorageUnavailable
from storage.db.advisory_lock import object_lock
from storage.db.engine import reading, writing
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.index.tombstones import want_purged
from storage.integrity.instance_reader import InstanceReader
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import object_key, volume_key
from storage.processes.hosts import Hosts
from storage.volumes.scan import is_being_written, volumes_in

log = structlog.get_logger(__name__)

_UPLOADS_AT_ONCE = 4


def upload_instances(
    engine: Engine,
    instances: InstanceReader,
    objects: ObjectStore,
    limit: int,
    hosts: Hosts | None = None,
) -> int:
    """Copy up to `limit` instances that are not in the bucket yet; how many were copied.

    One at a time: callers hold `storage.db.advisory_lock`'s housekeeping lock. Where `hosts` have
    disks of their own each copies what it has, and they take turns at what has the same UID. An
    instance whose deleted namesake has not left the bucket yet waits for that.
    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    is_beside_others = hosts is not None and hosts.own_disks
    own = hosts.holds(t.instance.c.volume) if hosts else true()
    waiting = _not_uploaded(engine, limit, own)

    def copy(instance: Instance) -> None:
        if not is_beside_others:
            copy_alone(instance)
            return
        with object_lock(engine, object_key(instance)):
            # A namesake may have been deleted, and its object be about to go, since this was read.
            if _not_uploaded(engine, 1, t.instance.c.sop_instance_uid == instance.sop_instance_uid):
                copy_alone(instance)

    def copy_alone(instance: Instance) -> None:
        try:
            with instances.open_stored(instance) as stream:
                objects.put(object_key(instance), stream, "application/dicom")
        except InstanceDamaged:
            return  # noted when it was read
        except (StorageUnavailable, NotFound):
            # Deleted meanwhile, or the disk or bucket is at fault: the row will tell.
            if _still_there(engine, instance):
                raise
            return
        _note_copied(engine, instance)

    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for _ in pool.map(copy, waiting):
            pass
    return len(waiting)


def upload_volume(engine: Engine, folder: Path, objects: ObjectStore) -> bool:
    """As `upload_instances`, one sealed volume; False where none waits."""
    for path in _volumes_not_uploaded(engine, folder):
        key = volume_key(path.name)
        with path.open("rb") as file:
            objects.put(key, file, "application/octet-stream")
        with writing(engine) as connection:
            connection.execute(
                update(t.instance)
                .where(t.instance.c.volume == path.name, t.NOT_UPLOADED)
                .values(object_key=key, former_volume="")
            )
        return True
    return False


def is_behind(engine: Engine) -> bool:
    """Whether any instance still waits for the bucket."""
    with reading(engine) as connection:
        row = connection.execute(select(t.instance.c.id).where(t.NOT_UPLOADED).limit(1)).first()
    return row is not None


def _not_uploaded(engine: Engine, limit: int, which: ColumnElement[bool]) -> list[Instance]:
    namesake = exists().where(
        t.tombstone.c.sop_instance_uid == t.instance.c.sop_instance_uid,
        t.UNPURGED,
    )
    # Wrong bytes must not become the copy; they wait for a repair.
    damaged = exists().where(
        t.damaged_instance.c.sop_instance_uid == t.instance.c.sop_instance_uid,
        t.damaged_instance.c.has_copy.is_(False),
    )
    with reading(engine) as connection:
        rows = connection.execute(
            select_stored_instances(t.NOT_UPLOADED, ~namesake, ~damaged, which)
            .order_by(t.instance.c.id)
            .limit(limit)
        )
        return [to_instance(row) for row in rows.mappings()]


def _row_of(instance: Instance) -> tuple[Any, ...]:
    return (
        t.instance.c.sop_instance_uid == instance.sop_instance_uid,
        t.instance.c.received_at == instance.received_at,
    )


def _still_there(engine: Engine, instance: Instance) -> bool:
    with reading(engine) as connection:
        row = connection.execute(select(t.instance.c.id).where(*_row_of(instance))).first()
    return row is not None


def _note_copied(engine: Engine, instance: Instance) -> None:
    key = object_key(instance)
    with writing(engine) as connection:
        written = connection.execute(
            update(t.instance).where(*_row_of(instance)).values(object_key=key)
        )
        if not written.rowcount:
            # Deleted while it was copied: the object has to go again.
            want_purged(connection, instance.sop_instance_uid, key)


def _volumes_not_uploaded(engine: Engine, folder: Path) -> Iterator[Path]:
    with reading(engine) as connection:
        names = set(
            connection.execute(
                select(t.instance.c.volume).where(t.NOT_UPLOADED).distinct()
            ).scalars()
        )
    return (
        path for path in volumes_in(folder) if path.name in names and not is_being_written(path)
    )
