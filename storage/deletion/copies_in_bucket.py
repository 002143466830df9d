"""Deletions in the bucket, so that an index that is rebuilt, or was put back, knows of them.

A volume that holds nothing but tombstones is not copied there, and one of another host with a disk
of its own may be lost, so each deletion is an object that holds its tombstone as a volume does
(`storage.volumes.records`).
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import structlog
from sqlalchemy import Connection, Engine, delete, select, union

from storage import tables as t
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.deletion.service import bury
from storage.dicom.digests import proves
from storage.index.tombstones import Deleted, Discarded, Tombstone
from storage.objects.keys import DELETIONS, deletion_key, deletion_of_key
from storage.objects.local_copy import local_copy
from storage.objects.store import ObjectStore
from storage.volumes.records import encode_header
from storage.volumes.scan import scan

log = structlog.get_logger(__name__)

_AT_ONCE = 100
_KEYS_AT_ONCE = 1000


def copy_deletions(engine: Engine, objects: ObjectStore, limit: int = _AT_ONCE) -> int:
    """Copy up to `limit` deletions that are not in the bucket yet; how many were copied.

    One process at a time: callers hold the housekeeping lock (`storage.db.locks`).
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


def carry_out_copies(engine: Engine, objects: ObjectStore) -> int:
    """Carry out the deletions of the bucket that the index does not know; how many rows went.

    So where the database was put back from an older backup: the host that deleted has it in a
    volume, and may start last, or be lost. Harmless again. Raises StorageUnavailable.
    """
    buried = 0
    keys = iter(objects.list(DELETIONS))
    while portion := list(islice(keys, _KEYS_AT_ONCE)):
        numbers = {key: number for key in portion if (number := deletion_of_key(key))}
        with reading(engine) as connection:
            known = _known(connection, sorted({generation for generation, _ in numbers.values()}))
        for key, number in numbers.items():
            if number in known:
                continue
            tombstones = list(_tombstones_of(objects, key))
            if not tombstones:
                log.error("copied_deletion_damaged", key=key)
            for tombstone in tombstones:
                # What goes may have come again by a clock that is behind: its record brings it
                # back, since the deletion does not cover that.
                _let_be_looked_at_again(engine, tombstone)
                rows = bury(engine, tombstone)
                log.warning("deletion_completed", key=key, instances=rows)
                buried += rows
                _let_be_looked_at_again(engine, tombstone)
    return buried


def _known(connection: Connection, generations: list[int]) -> set[tuple[int, datetime]]:
    found: set[tuple[int, datetime]] = set()
    deleted, discarded = t.tombstone.c, t.discarded_content.c
    for part in in_portions(generations):
        rows = connection.execute(
            union(
                select(deleted.generation, deleted.deleted_at).where(deleted.generation.in_(part)),
                select(discarded.generation, discarded.discarded_at).where(
                    discarded.generation.in_(part)
                ),
            )
        )
        found |= {(row[0], row[1]) for row in rows}
    return found


def _tombstones_of(objects: ObjectStore, key: str) -> Iterator[Tombstone]:
    """Those that are whole."""
    with local_copy(objects, key) as path, path.open("rb") as file:
        for record in scan(path, mends=True):
            file.seek(record.location.offset)
            payload = file.read(record.location.length)
            if record.note.kind == "tombstone" and proves(record.digest, payload):
                yield Tombstone.decode(record.note, payload)


def _let_be_looked_at_again(engine: Engine, tombstone: Tombstone) -> None:
    """What came under these UIDs since, and was numbered by a count that lagged behind, needs
    records that the deletion does not cover (`storage.reconciliation.covered_rows`)."""
    for table, named in ((t.instance, tombstone.instances), (t.conflict, tombstone.contents)):
        for part in in_portions([one.sop_instance_uid for one in named]):
            volumes = select(table.c.volume).where(table.c.sop_instance_uid.in_(part))
            with writing(engine) as connection:
                connection.execute(delete(t.volume).where(t.volume.c.name.in_(volumes)))


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
            tuple(
                Deleted(row.sop_instance_uid, "", row.received_at)
                for row in instances
                if row.deleted_at == at
            ),
            tuple(
                Discarded(row.sop_instance_uid, row.digest, None)
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
