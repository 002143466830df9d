"""Move instances from the local volumes to the bucket, in the background.

One object an instance, `dicom/{study}/{series}/{instance}.dcm`, so that other
tools can read the bucket. The volume stays as the cache.
"""

from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.database import reading, writing
from storage.entities import Instance
from storage.index import select_instances
from storage.instances import InstanceReader
from storage.objects import ObjectStore
from storage.rows import to_instance


def object_key(instance: Instance) -> str:
    return (
        f"dicom/{instance.study_instance_uid}/{instance.series_instance_uid}"
        f"/{instance.sop_instance_uid}.dcm"
    )


def settle(engine: Engine, instances: InstanceReader, objects: ObjectStore, limit: int) -> int:
    """Copy up to `limit` instances that are not in the bucket yet; how many were copied.

    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select_instances(t.instance.c.object_key == "").order_by(t.instance.c.id).limit(limit)
        )
        waiting = [to_instance(row) for row in rows.mappings()]
    for instance in waiting:
        key = object_key(instance)
        with instances.open(instance) as stream:
            objects.put(key, stream, "application/dicom")
        with writing(engine) as connection:
            connection.execute(
                update(t.instance)
                .where(t.instance.c.sop_instance_uid == instance.sop_instance_uid)
                .values(object_key=key)
            )
    return len(waiting)


def unsettled(engine: Engine) -> bool:
    """Whether any instance still waits for the bucket."""
    with reading(engine) as connection:
        row = connection.execute(
            select(t.instance.c.id).where(t.instance.c.object_key == "").limit(1)
        ).first()
    return row is not None
