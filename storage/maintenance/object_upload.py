"""Move what was received from the local volumes to the bucket, in the background.

By default one object an instance, `dicom/{study}/{series}/{instance}.dcm`, so
that other tools can read the bucket; by setting whole volumes. The local volume
stays as the cache.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
from sqlalchemy import Engine, select, true, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.hosts.repository import Hosts
from storage.integrity.bucket_copy import BucketCopy, not_uploaded
from storage.integrity.instance_reader import InstanceReader
from storage.objects.keys import volume_key
from storage.objects.store import ObjectStore
from storage.volumes.scan import is_being_written, volumes_in

log = structlog.get_logger(__name__)

_UPLOADS_AT_ONCE = 4


def upload_instances(
    engine: Engine,
    instances: InstanceReader,
    objects: ObjectStore,
    limit: int,
    hosts: Hosts | None = None,
    *,
    several_write_objects: bool = False,
) -> int:
    """Copy up to `limit` instances that are not in the bucket yet; how many were copied.

    One at a time: callers hold `storage.db.locks`'s housekeeping lock. Where `hosts` have
    disks of their own each copies what it has. `several_write_objects`: see `BucketCopy`.
    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    own = hosts.holds(t.instance.c.volume) if hosts else true()
    with reading(engine) as connection:
        waiting = not_uploaded(connection, limit, own)
    copying = BucketCopy(engine, instances, objects, several_write_objects=several_write_objects)
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for _ in pool.map(copying.copy, waiting):
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
