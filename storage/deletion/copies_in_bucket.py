"""Deletions in the bucket, so that an index that is rebuilt from there knows of them too.

Each deletion is an object that holds its tombstone as a volume does (`storage.volumes.records`):
which instances went, and when each had been received. An object of an instance names that time as
well: one that could not leave the bucket yet is no instance that was sent again.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from storage import tables as t
from storage.core.entities import Instance
from storage.db.engine import reading, writing
from storage.index.tombstones import Deleted, Discarded, Tombstone
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import deletion_key
from storage.volumes.records import encode_header

_AT_ONCE = 100
_RECEIVED_AT = "received-at"


def copy_deletions(engine: Engine, objects: ObjectStore, limit: int = _AT_ONCE) -> int:
    """Copy up to `limit` deletions that are not in the bucket yet; how many were copied.

    One process at a time: callers hold the housekeeping lock (`storage.db.advisory_lock`).
    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    with reading(engine) as connection:
        generations = connection.execute(
            select(t.uncopied_deletion.c.generation)
            .order_by(t.uncopied_deletion.c.generation)
            .limit(limit)
        ).scalars()
        waiting = list(generations)
    for generation in waiting:
        with reading(engine) as connection:
            tombstone = _noted(connection, generation)
        if tombstone is not None:
            objects.put(deletion_key(generation, tombstone.deleted_at), _as_volume(tombstone))
        with writing(engine) as connection:
            connection.execute(
                delete(t.uncopied_deletion).where(t.uncopied_deletion.c.generation == generation)
            )
    return len(waiting)


def metadata_of(instance: Instance) -> Mapping[str, str]:
    """What goes with the object of an instance."""
    return {_RECEIVED_AT: instance.received_at.isoformat()}


def is_object_of_deleted(
    connection: Connection, objects: ObjectStore, sop_instance_uid: str, key: str
) -> bool:
    """Whether the object is what was deleted, and not the same instance sent again.

    Of objects of versions before 0094, which do not say when they were received, it is not known:
    False. Raises StorageUnavailable.
    """
    noted = t.tombstone.c.sop_instance_uid == sop_instance_uid
    received = set(connection.execute(select(t.tombstone.c.received_at).where(noted)).scalars())
    if not received:
        return False
    text = objects.metadata(key).get(_RECEIVED_AT, "")
    try:
        return datetime.fromisoformat(text) in received
    except ValueError:
        return False


def _noted(connection: Connection, generation: int) -> Tombstone | None:
    """As the index has it; None where it names nothing any more."""
    instances = connection.execute(
        select(t.tombstone).where(t.tombstone.c.generation == generation).order_by(t.tombstone.c.id)
    ).all()
    contents = connection.execute(
        select(t.discarded_content)
        .where(t.discarded_content.c.generation == generation)
        .order_by(t.discarded_content.c.id)
    ).all()
    if not instances and not contents:
        return None
    return Tombstone(
        instances[0].study_instance_uid if instances else "",
        instances[0].deleted_at if instances else contents[0].discarded_at,
        generation,
        tuple(
            # A time at which nothing was received, where it is not known.
            Deleted(row.sop_instance_uid, "", row.received_at or row.deleted_at)
            for row in instances
        ),
        tuple(Discarded(row.sop_instance_uid, row.digest, row.discarded_at) for row in contents),
    )


def _as_volume(tombstone: Tombstone) -> bytes:
    record = tombstone.record()
    note, payload = record.note.encode(), bytes(record.payload)
    return encode_header(note, b"", len(payload), record.digest) + payload
