"""Copy one instance from its volume to the bucket, and note in its row that it is there."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, exists, select, update

from storage import tables as t
from storage.core.entities import Instance, Origin
from storage.core.errors import InstanceDamaged, NotFound, StorageUnavailable
from storage.db.engine import reading, writing
from storage.db.locks.advisory_lock import object_lock
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.index.tombstones import want_purged
from storage.integrity.instance_reader import InstanceReader
from storage.objects.keys import Named, object_key
from storage.objects.store import ObjectStore
from storage.volumes.records import Note


class BucketCopy:
    """Safe for threads."""

    def __init__(
        self,
        engine: Engine,
        instances: InstanceReader,
        objects: ObjectStore,
        *,
        several_write_objects: bool,
    ) -> None:
        """`several_write_objects`: they take turns at what has the same UID, on PostgreSQL alone.

        Without it callers see to it that one process copies at a time.
        """
        self._engine = engine
        self._instances = instances
        self._objects = objects
        self._take_turns = several_write_objects

    def copy(self, one: "NotUploaded") -> None:
        """Nothing is copied of what is damaged, deleted by now, or in the bucket already.

        Raises StorageUnavailable when the bucket does not answer.
        """
        if self._take_turns:
            self.bring(one.instance)
        elif self._put(one):
            with writing(self._engine) as connection:
                is_noted = self._note_copied(connection, one.instance)
            self._undo_unless(is_noted, one.instance)

    def bring(self, named: Named) -> bool:
        """As `copy`, in turns: whether nothing is left to be done, as of what was deleted.

        All on the connection of the lock: a sender may wait for it.
        """
        uid = t.instance.c.sop_instance_uid == named.sop_instance_uid
        with object_lock(self._engine, object_key(named)) as connection:
            # A namesake may have been deleted, and its object be about to go, since this was read.
            waiting = not_uploaded(connection, 1, uid)
            if not waiting:
                row = connection.execute(select(t.instance.c.object_key).where(uid)).first()
                return row is None or bool(row.object_key)
            if not self._put(waiting[0]):
                return False
            is_noted = self._note_copied(connection, waiting[0].instance)
        self._undo_unless(is_noted, waiting[0].instance)
        return True

    def _put(self, one: "NotUploaded") -> bool:
        """Whether the bucket has it now."""
        instance = one.instance
        try:
            with self._instances.open_stored(instance) as stream:
                self._objects.put(object_key(instance), stream, "application/dicom", one.note)
        except InstanceDamaged:
            return False  # noted when it was read
        except (StorageUnavailable, NotFound):
            # Deleted meanwhile, or the disk or bucket is at fault: the row will tell.
            if self._still_there(instance):
                raise
            return False
        return True

    def _still_there(self, instance: Instance) -> bool:
        with reading(self._engine) as connection:
            row = connection.execute(select(t.instance.c.id).where(*_row_of(instance))).first()
        return row is not None

    def _note_copied(self, connection: Connection, instance: Instance) -> bool:
        """Whether there is a row still."""
        changed = connection.execute(
            update(t.instance).where(*_row_of(instance)).values(object_key=object_key(instance))
        )
        return bool(changed.rowcount)

    def _undo_unless(self, is_noted: bool, instance: Instance) -> None:
        if not is_noted:
            # Deleted while it was copied: the object has to go again.
            with writing(self._engine) as connection:
                want_purged(connection, instance.sop_instance_uid, object_key(instance))


class NotUploaded(NamedTuple):
    instance: Instance
    origin: Origin

    @property
    def note(self) -> Note:
        """What a record of a volume would say of it."""
        one = self.instance
        return Note(one.source, self.origin, one.received_at, association=one.association)


def not_uploaded(
    connection: Connection, limit: int, which: ColumnElement[bool]
) -> list[NotUploaded]:
    """The oldest instances that may be copied to the bucket now.

    One whose deleted namesake has not left the bucket yet waits for that.
    """
    namesake = exists().where(
        t.tombstone.c.sop_instance_uid == t.instance.c.sop_instance_uid,
        t.UNPURGED,
    )
    # Wrong bytes must not become the copy; they wait for a repair.
    damaged = exists().where(
        t.damaged_instance.c.sop_instance_uid == t.instance.c.sop_instance_uid,
        t.damaged_instance.c.has_copy.is_(False),
    )
    rows = connection.execute(
        select_stored_instances(t.NOT_UPLOADED, ~namesake, ~damaged, which)
        .add_columns(t.series.c.origin)
        .order_by(t.instance.c.id)
        .limit(limit)
    )
    return [NotUploaded(to_instance(row), row["origin"]) for row in rows.mappings()]


def _row_of(instance: Instance) -> tuple[Any, ...]:
    return (
        t.instance.c.sop_instance_uid == instance.sop_instance_uid,
        t.instance.c.received_at == instance.received_at,
    )
