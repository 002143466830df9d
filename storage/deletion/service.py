"""Delete studies, series and instances, so that they stay deleted whatever breaks.

First a tombstone is durable in a volume: from then on the deletion happens,
if not now then when the node starts again. Then the rows go, in the
transaction that has made sure that nothing keeps the study, and that also notes
which objects have to leave the bucket. Those go last, and again until the bucket
has answered. The bytes in the volumes are given free by
`storage.maintenance.compaction`. A study on legal hold is not deleted, nor is
anything of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job
from storage.core.errors import NotFound, StorageUnavailable
from storage.db.engine import is_clash, reading, translated, writing
from storage.deletion.rows import lock_study, remove_rows
from storage.deletion.uploaded_images import delete_picture
from storage.index.repository import Index
from storage.index.tombstones import Deleted, Discarded, Tombstone, is_discarded
from storage.objects.filesystem import ObjectStore
from storage.retention.legal_holds import check_no_hold
from storage.volumes.files import SUFFIX, translated_os_errors
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_PURGE_AT_ONCE = 500
_ATTEMPTS = 5
# Derived files of a study; what `api` keeps of metadata lies there.
_DERIVED = ("metadata/v1/{}/", "derived/{}/")


@dataclass(frozen=True)
class Deletion:
    """What went."""

    instance_count: int
    size_bytes: int


Check = Callable[[Connection], None]
"""Asked in the transaction of a deletion; it raises StateConflict where the study has to stay."""


class Deletions:
    """Deletes for good. Raises NotFound, StateConflict, StorageFull, StorageUnavailable.

    After StorageUnavailable the deletion may be outstanding rather than
    undone: ask again, or restart the node.
    """

    def __init__(self, engine: Engine, volumes: VolumeWriter, objects: ObjectStore) -> None:
        self._engine = engine
        self._index = Index(engine)
        self._volumes = volumes
        self._objects = objects

    def study(self, study_instance_uid: str, check: Check | None = None) -> Deletion:
        """`check` is asked once more before the study goes."""
        return self._delete(
            study_instance_uid,
            self._index.stored_instances_of(study_instance_uid),
            f"study {study_instance_uid}",
            check,
        )

    def series(self, study_instance_uid: str, series_instance_uid: str) -> Deletion:
        return self._delete(
            study_instance_uid,
            self._index.stored_instances_of(study_instance_uid, series_instance_uid),
            f"series {series_instance_uid}",
        )

    def instance(self, sop_instance_uid: str) -> Deletion:
        """The rest of its series is completed again, and so leads to revised results."""
        instance = self._index.instance(sop_instance_uid)
        return self._delete(instance.study_instance_uid, [instance], f"instance {sop_instance_uid}")

    def picture(self, job: Job, derived_keys: Sequence[str]) -> None:
        """See `storage.deletion.uploaded_images`."""
        delete_picture(self._engine, self._objects, job, derived_keys)

    def purge(self, limit: int = _PURGE_AT_ONCE) -> int:
        """Remove objects of deleted instances from the bucket; how many were removed.

        Not beside an upload to the bucket: both hold the housekeeping lock (`db.advisory_lock`).
        Raises StorageUnavailable when the bucket does not answer; the rest goes
        next time.
        """
        return purge(self._engine, self._objects, limit)

    def _delete(
        self,
        study_instance_uid: str,
        instances: Sequence[Instance],
        what: str,
        check: Check | None = None,
    ) -> Deletion:
        if not instances:
            raise NotFound(f"The node holds no {what}.", remedy="Check the UID.")
        with translated_os_errors(self._volumes.folder):
            generation = self._volumes.generation.advance()
        tombstone = Tombstone(
            study_instance_uid,
            utcnow(),
            generation,
            tuple(
                Deleted(one.sop_instance_uid, one.series_instance_uid, one.received_at)
                for one in instances
            ),
        )

        def may_go(connection: Connection) -> bool:
            lock_study(connection, study_instance_uid)
            check_no_hold(connection, study_instance_uid)
            if check is not None:
                check(connection)
            return True

        _bury_where(self._engine, self._volumes, tombstone, may_go)
        try:
            remove_derived(self._objects, study_instance_uid)
        except StorageUnavailable as error:
            # They are copies that nobody can ask for without the study.
            log.warning("derived_objects_remain", error=error.code)
        log.info("instances_deleted", instances=len(instances), generation=generation)
        return Deletion(len(instances), sum(one.size_bytes for one in instances))


def bury(engine: Engine, tombstone: Tombstone) -> int:
    """Take what a tombstone names out of the index; how many rows went. Harmless again.

    An instance that was received again meanwhile stays.
    """
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            with translated():
                return _bury(engine, tombstone)
        except (DBAPIError, StorageUnavailable) as error:
            if not (attempts_left and is_clash(error)):
                raise
    return 0


def _bury(engine: Engine, tombstone: Tombstone) -> int:
    with writing(engine) as connection:
        lock_study(connection, tombstone.study_instance_uid)
        return remove_rows(connection, tombstone)


def discard_content(engine: Engine, volumes: VolumeWriter, content: Discarded) -> None:
    """Take a conflict out of the index, so that its record does not bring it back.

    Raises StorageFull, StorageUnavailable.
    """
    with translated_os_errors(volumes.folder):
        generation = volumes.generation.advance()
    tombstone = Tombstone("", utcnow(), generation, contents=(content,))

    def may_go(connection: Connection) -> bool:
        stored = select(t.instance.c.digest).where(
            t.instance.c.sop_instance_uid == content.sop_instance_uid
        )
        if connection.execute(stored.with_for_update()).scalar() != content.digest:
            return True
        # Another process accepted the same content when this was noted: a tombstone would cover
        # the record that is stored.
        connection.execute(delete(t.conflict).where(is_discarded(content)))
        return False

    _bury_where(engine, volumes, tombstone, may_go)


def _bury_where(
    engine: Engine,
    volumes: VolumeWriter,
    tombstone: Tombstone,
    may_go: Callable[[Connection], bool],
) -> None:
    """Write a tombstone and take its rows out, unless `may_go` says no or raises.

    What that has locked cannot change between the question and the tombstone.
    """
    is_durable = False
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            with writing(engine) as connection:
                if may_go(connection):
                    volumes.append_records([tombstone.record()])
                    is_durable = True
                    remove_rows(connection, tombstone)
            return
        except (DBAPIError, StorageUnavailable) as error:
            if is_durable:
                break
            if not (attempts_left and is_clash(error)):
                raise
    bury(engine, tombstone)


def purge(engine: Engine, objects: ObjectStore, limit: int = _PURGE_AT_ONCE) -> int:
    """See `Deletions.purge`."""
    with reading(engine) as connection:
        waiting = connection.execute(
            select(t.tombstone.c.id, t.tombstone.c.object_key)
            .where(t.UNPURGED)
            .order_by(t.tombstone.c.id)
            .limit(limit)
        ).all()
    for row_id, key in waiting:
        # Whole volumes hold others too; compacting removes those.
        if not key.endswith(SUFFIX):
            objects.delete(key)
        with writing(engine) as connection:
            connection.execute(
                update(t.tombstone).where(t.tombstone.c.id == row_id).values(object_key="")
            )
    return len(waiting)


def remove_derived(objects: ObjectStore, study_instance_uid: str) -> None:
    """Remove what was made from the instances of a study and can be made again."""
    for prefix in _DERIVED:
        for key in list(objects.list(prefix.format(study_instance_uid))):
            objects.delete(key)
