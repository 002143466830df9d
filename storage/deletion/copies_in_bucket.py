"""Deletions in a bucket of whole volumes, so that an index rebuilt from there knows of them.

A volume that holds nothing but tombstones is not copied there, so each deletion is an object that
holds its tombstone as a volume does (`storage.volumes.records`).
"""

from sqlalchemy import Connection, Engine, delete, select

from storage import tables as t
from storage.db.engine import reading, writing
from storage.index.tombstones import Deleted, Discarded, Tombstone
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import deletion_key
from storage.volumes.records import encode_header

_AT_ONCE = 100


def copy_deletions(engine: Engine, objects: ObjectStore, limit: int = _AT_ONCE) -> int:
    """Copy up to `limit` deletions that are not in the bucket yet; how many were copied.

    One process at a time: callers hold the housekeeping lock (`storage.db.advisory_lock`).
    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    with reading(engine) as connection:
        waiting = list(
            connection.execute(
                select(t.uncopied_deletion.c.generation)
                .order_by(t.uncopied_deletion.c.generation)
                .limit(limit)
            ).scalars()
        )
    for generation in waiting:
        with reading(engine) as connection:
            tombstones = _noted(connection, generation)
        for tombstone in tombstones:
            objects.put(deletion_key(generation, tombstone.deleted_at), _as_volume(tombstone))
        with writing(engine) as connection:
            this = t.uncopied_deletion.c.generation == generation
            connection.execute(select(t.uncopied_deletion).where(this).with_for_update())
            # A start may have found more of it in a volume meanwhile, where the index was behind.
            if _noted(connection, generation) == tombstones:
                connection.execute(delete(t.uncopied_deletion).where(this))
    return len(waiting)


def _noted(connection: Connection, generation: int) -> list[Tombstone]:
    """As the index has them: more than one where a count has begun again on an old bucket."""
    instances = connection.execute(
        select(t.tombstone).where(t.tombstone.c.generation == generation).order_by(t.tombstone.c.id)
    ).all()
    contents = connection.execute(
        select(t.discarded_content)
        .where(t.discarded_content.c.generation == generation)
        .order_by(t.discarded_content.c.id)
    ).all()
    times = {row.deleted_at for row in instances} | {row.discarded_at for row in contents}
    return [
        Tombstone(
            next((row.study_instance_uid for row in instances if row.deleted_at == at), ""),
            at,
            generation,
            # When they had been received is for the volumes alone, by which a start carries out
            # deletions that the index does not know.
            tuple(
                Deleted(row.sop_instance_uid, "", at) for row in instances if row.deleted_at == at
            ),
            tuple(
                Discarded(row.sop_instance_uid, row.digest, at)
                for row in contents
                if row.discarded_at == at
            ),
        )
        for at in sorted(times)
    ]


def _as_volume(tombstone: Tombstone) -> bytes:
    record = tombstone.record()
    note, payload = record.note.encode(), bytes(record.payload)
    return encode_header(note, b"", len(payload), record.digest) + payload
