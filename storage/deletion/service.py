"""Delete studies, series and instances, so that they stay deleted whatever breaks.

One transaction decides: it makes sure that nothing keeps the study, removes the
rows, and notes which objects have to leave the bucket and that a tombstone has to
be written. Then the tombstone is durable in a volume, if not now then as soon as
the disk lets it, and the deletion is acknowledged. The objects go last, and again
until the bucket has answered. The bytes in the volumes are given free by
`storage.maintenance.compaction`. A study on legal hold is not deleted, nor is
anything of it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job
from storage.core.errors import NotFound, StorageUnavailable
from storage.db.driver_errors import is_clash
from storage.db.engine import reading, translated, writing
from storage.db.locks.advisory_lock import object_lock
from storage.db.portions import in_portions
from storage.deletion.durable_tombstones import (
    ATTEMPTS,
    IS_UNWRITTEN,
    bury_by,
    write_outstanding,
)
from storage.deletion.lost_rows import Recovery, check_no_rows_are_lost
from storage.deletion.rows import lock_study, remove_conflicts, remove_rows
from storage.deletion.uploaded_images import delete_picture
from storage.index.repository import Index
from storage.index.tombstones import (
    Deleted,
    Discarded,
    Tombstone,
    exactly,
    is_discarded,
    not_noted,
    note_tombstone,
    still_standing,
    with_times_of_rows,
)
from storage.objects.store import ObjectStore
from storage.retention.legal_holds import check_no_hold, is_held_since
from storage.volumes.files import SUFFIX, translated_os_errors
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_PURGE_AT_ONCE = 500
# Derived files, in a folder for each study; what `api` keeps of metadata lies there.
METADATA = "metadata/v1/"
_DERIVED = (METADATA, "derived/")


@dataclass(frozen=True)
class Deletion:
    """What went."""

    instance_count: int
    size_bytes: int


Check = Callable[[Connection], None]
"""Asked in the transaction of a deletion; it raises StateConflict where the study has to stay."""


class Deletions:
    """Deletes for good. Raises NotFound, StateConflict, StorageFull, StorageUnavailable.

    After StorageUnavailable or StorageFull nothing has changed, or all is deleted and no volume
    says so yet (`storage.deletion.durable_tombstones`). Who asks again finds out: NotFound is
    raised only once that is durable.
    """

    def __init__(
        self, engine: Engine, volumes: VolumeWriter, objects: ObjectStore, recovery: Recovery
    ) -> None:
        self._engine = engine
        self._recovery = recovery
        self._index = Index(engine)
        self._volumes = volumes
        self._objects = objects

    def study(
        self,
        study_instance_uid: str,
        check: Check | None = None,
        tell: Callable[[Deletion], None] = lambda _: None,
    ) -> Deletion:
        """`check` is asked once more before the study goes; then `tell` hears what goes."""
        return self._delete(
            study_instance_uid,
            lambda: self._index.stored_instances_of(study_instance_uid),
            f"study {study_instance_uid}",
            check,
            tell,
        )

    def series(self, study_instance_uid: str, series_instance_uid: str) -> Deletion:
        return self._delete(
            study_instance_uid,
            lambda: self._index.stored_instances_of(study_instance_uid, series_instance_uid),
            f"series {series_instance_uid}",
        )

    def instance(self, sop_instance_uid: str) -> Deletion:
        """The rest of its series is completed again, and so leads to revised results."""
        self._recovery.run_if_due()
        instance = self._index.instance(sop_instance_uid)
        return self._delete(
            instance.study_instance_uid, lambda: [instance], f"instance {sop_instance_uid}"
        )

    @contextmanager
    def not_found_is_durable(self) -> Iterator[None]:
        """Around a look-up of what is to be deleted: NotFound says that it is gone for good.

        Raises StorageFull, StorageUnavailable where that cannot be promised yet.
        """
        self._recovery.run_if_due()
        try:
            yield
        except NotFound:
            check_no_rows_are_lost(self._recovery)
            write_outstanding(self._engine, self._volumes)
            raise

    def picture(self, job: Job, derived_keys: Sequence[str]) -> None:
        """See `storage.deletion.uploaded_images`."""
        delete_picture(self._engine, self._objects, job, derived_keys)

    def purge(self, limit: int = _PURGE_AT_ONCE) -> int:
        """Remove objects of deleted instances from the bucket; how many were removed.

        Not beside an upload to the bucket: both hold the housekeeping lock (`storage.db.locks`).
        Raises StorageUnavailable when the bucket does not answer; the rest goes
        next time.
        """
        return purge(self._engine, self._objects, limit)

    def _delete(
        self,
        study_instance_uid: str,
        look_up: Callable[[], Sequence[Instance]],
        what: str,
        check: Check | None = None,
        tell: Callable[[Deletion], None] = lambda _: None,
    ) -> Deletion:
        with self.not_found_is_durable():
            instances = look_up()
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

        deletion = Deletion(len(instances), sum(one.size_bytes for one in instances))

        def take_out(connection: Connection) -> Tombstone | None:
            lock_study(connection, study_instance_uid)
            check_no_rows_are_lost(self._recovery)
            check_no_hold(connection, study_instance_uid)
            if check is not None:
                check(connection)
            # What came again since another deletion took the same is not this one's.
            standing = still_standing(connection, tombstone)
            if remove_conflicts(connection, standing):
                # One may have come since the count: what goes from the list must not come back
                # when the index is built again.
                with translated_os_errors(self._volumes.folder):
                    later = self._volumes.generation.advance()
                standing = replace(standing, generation=later)
            remove_rows(connection, standing, with_conflicts=False)
            tell(deletion)
            return standing if standing.instances else None

        bury_by(self._engine, self._volumes, take_out)
        try:
            remove_derived(self._objects, study_instance_uid)
        except StorageUnavailable as error:
            # They are copies that nobody can ask for without the study.
            log.warning("derived_objects_remain", error=error.code)
        log.info("instances_deleted", instances=len(instances), generation=generation)
        return deletion


def bury(engine: Engine, tombstone: Tombstone) -> int:
    """Take what a tombstone in a volume names out of an index that does not know of it.

    So it is where a backup of the database is older than the volumes, and where a version that
    wrote tombstones first was cut off. How many rows went. Harmless again. An instance that was
    received again meanwhile stays, as does a study that was put on legal hold since.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            with translated():
                return _bury(engine, tombstone)
        except (DBAPIError, StorageUnavailable) as error:
            if not (attempts_left and is_clash(error)):
                raise
    return 0


def _bury(engine: Engine, tombstone: Tombstone) -> int:
    study_uid = tombstone.study_instance_uid
    with writing(engine) as connection:
        lock_study(connection, study_uid)
        rest = with_times_of_rows(connection, not_noted(connection, tombstone))
        if is_held_since(connection, study_uid, tombstone.deleted_at):
            log.warning("deletion_not_completed", study_instance_uid=study_uid, cause="legal hold")
            _revoke(connection, rest)
            return 0
        return remove_rows(connection, rest)


def _revoke(connection: Connection, tombstone: Tombstone) -> None:
    """Let the instances outlast the index and the hold, although a volume says they were deleted.

    Noted without taking the rows, the tombstone is not carried out later. Their records get copies
    that it does not cover when their volumes are looked at next (`renew_rows`); what the bucket
    alone has is fetched for that (`storage.maintenance.volume_cache`).
    """
    note_tombstone(connection, tombstone)
    for portion in in_portions(tombstone.instances, 100):
        volumes = select(t.instance.c.volume).where(exactly(portion))
        connection.execute(delete(t.volume).where(t.volume.c.name.in_(volumes)))


def discard_content(engine: Engine, volumes: VolumeWriter, content: Discarded) -> None:
    """Take a conflict out of the index, so that its record does not bring it back.

    Raises StorageFull, StorageUnavailable.
    """
    with translated_os_errors(volumes.folder):
        generation = volumes.generation.advance()
    tombstone = Tombstone("", utcnow(), generation, contents=(content,))

    def let_go(connection: Connection) -> Tombstone | None:
        stored = select(t.instance.c.digest).where(
            t.instance.c.sop_instance_uid == content.sop_instance_uid
        )
        if connection.execute(stored.with_for_update()).scalar() != content.digest:
            remove_rows(connection, tombstone)
            return tombstone
        # Another process accepted the same content when this was noted: a tombstone would cover
        # the record that is stored.
        connection.execute(delete(t.conflict).where(is_discarded(content)))
        return None

    bury_by(engine, volumes, let_go)


def purge(
    engine: Engine,
    objects: ObjectStore,
    limit: int = _PURGE_AT_ONCE,
    *,
    beside_others: bool = False,
) -> int:
    """See `Deletions.purge`. `beside_others`: of others that write objects meanwhile."""
    with reading(engine) as connection:
        waiting = connection.execute(
            select(t.tombstone.c.id, t.tombstone.c.object_key)
            # A backup may have the rows of before: it needs the objects as long as no volume
            # tells it of the deletion.
            .where(t.UNPURGED, ~IS_UNWRITTEN)
            .order_by(t.tombstone.c.id)
            .limit(limit)
        ).all()
    for row_id, key in waiting:
        with object_lock(engine, key) if beside_others else nullcontext():
            if beside_others and not _is_unpurged(engine, row_id):
                # Another host did, and the instance may have come again since.
                continue
            # Whole volumes hold others too; compacting removes those.
            if not key.endswith(SUFFIX):
                objects.delete(key)
            with writing(engine) as connection:
                connection.execute(
                    update(t.tombstone).where(t.tombstone.c.id == row_id).values(object_key="")
                )
    return len(waiting)


def _is_unpurged(engine: Engine, row_id: int) -> bool:
    with reading(engine) as connection:
        query = select(t.tombstone.c.id).where(t.tombstone.c.id == row_id, t.UNPURGED)
        return connection.execute(query).first() is not None


def remove_derived(objects: ObjectStore, study_instance_uid: str) -> None:
    """Remove what was made from the instances of a study and can be made again."""
    for prefix in _DERIVED:
        for key in list(objects.list(f"{prefix}{study_instance_uid}/")):
            objects.delete(key)
