"""Delete studies, series and instances, so that they stay deleted whatever breaks.

First a tombstone is durable in a volume: from then on the deletion happens,
if not now then when the node starts again. Then the rows go, in one
transaction that also notes which objects have to leave the bucket. Those go
last, and again until the bucket has answered. The bytes in the volumes are
given free by `storage.maintenance.compaction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine, delete, exists, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.access_groups.departures import forget_groups
from storage.core.clock import utcnow
from storage.core.entities import Instance, Job
from storage.core.errors import NotFound, StorageUnavailable
from storage.db.engine import is_clash, reading, translated, writing
from storage.db.portions import in_portions
from storage.db.row_mapping import to_instance
from storage.deletion.derived_data import remove_work, remove_work_of_study
from storage.deletion.uploaded_images import delete_picture
from storage.events.repository import add_event
from storage.index.repository import Index, select_instances
from storage.index.tombstones import (
    Deleted,
    Tombstone,
    exactly,
    note_tombstone,
    want_purged,
)
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import object_key as uploaded_key
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


class Deletions:
    """Deletes for good. Raises NotFound, StorageFull, StorageUnavailable.

    After StorageUnavailable the deletion may be outstanding rather than
    undone: ask again, or restart the node.
    """

    def __init__(self, engine: Engine, volumes: VolumeWriter, objects: ObjectStore) -> None:
        self._engine = engine
        self._index = Index(engine)
        self._volumes = volumes
        self._objects = objects

    def study(self, study_instance_uid: str) -> Deletion:
        return self._delete(
            study_instance_uid,
            self._index.instances_of(study_instance_uid),
            f"study {study_instance_uid}",
        )

    def series(self, study_instance_uid: str, series_instance_uid: str) -> Deletion:
        return self._delete(
            study_instance_uid,
            self._index.instances_of(study_instance_uid, series_instance_uid),
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
        self, study_instance_uid: str, instances: Sequence[Instance], what: str
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
        self._volumes.append_records([tombstone.record()])
        bury(self._engine, tombstone)
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
        _lock(connection, tombstone.study_instance_uid)
        note_tombstone(connection, tombstone)
        gone: list[Instance] = []
        for portion in in_portions(tombstone.instances, 100):
            rows = connection.execute(select_instances(exactly(portion))).mappings().all()
            gone += [to_instance(row) for row in rows]
        if not gone:
            return 0
        uids = [one.sop_instance_uid for one in gone]
        for one in gone:
            want_purged(
                connection, one.sop_instance_uid, one.location.object_key or uploaded_key(one)
            )
        for part in in_portions(uids):
            for table in (t.instance, t.conflict, t.delivery):
                connection.execute(delete(table).where(table.c.sop_instance_uid.in_(part)))
        study_uid = tombstone.study_instance_uid
        emptied = [
            series_uid
            for series_uid in sorted({one.series_instance_uid for one in gone})
            if not _close_series(connection, study_uid, series_uid, tombstone)
        ]
        for series_uid in emptied:
            _remove_series(connection, study_uid, series_uid)
        study_gone = _remove_empty_study(connection, study_uid)
        change = "study_deleted" if study_gone else "instances_deleted"
        payload = {"change": change, "series_instance_uids": emptied, "instances": len(gone)}
        add_event(connection, tombstone.deleted_at, "study", study_uid, payload=payload)
    return len(gone)


def _lock(connection: Connection, study_uid: str) -> None:
    """Whoever adds to the study from now on waits, and then finds it gone (PostgreSQL)."""
    study = t.study.c.study_instance_uid == study_uid
    study_id = select(t.study.c.id).where(study).scalar_subquery()
    patient_id = select(t.study.c.patient_fk).where(study).scalar_subquery()
    for rows in (
        select(t.series.c.id).where(t.series.c.study_fk == study_id).order_by(t.series.c.id),
        select(t.study.c.id).where(study),
        select(t.patient.c.id).where(t.patient.c.id == patient_id),
    ):
        connection.execute(rows.with_for_update()).all()


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


def _close_series(
    connection: Connection, study_uid: str, series_uid: str, tombstone: Tombstone
) -> bool:
    """Let a series that lost some instances complete again; False where none is left."""
    series = (
        select(t.series.c.id)
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(
            t.study.c.study_instance_uid == study_uid,
            t.series.c.series_instance_uid == series_uid,
        )
    )
    series_id = connection.execute(series).scalar()
    if series_id is None:
        return True
    rest = select(t.instance.c.id).where(t.instance.c.series_fk == series_id).limit(1)
    if connection.execute(rest).first() is None:
        return False
    connection.execute(
        update(t.series)
        .where(t.series.c.id == series_id)
        .values(state="RECEIVING", last_instance_at=tombstone.deleted_at)
    )
    return True


def _remove_series(connection: Connection, study_uid: str, series_uid: str) -> None:
    study_id = select(t.study.c.id).where(t.study.c.study_instance_uid == study_uid)
    connection.execute(
        delete(t.series).where(
            t.series.c.study_fk == study_id.scalar_subquery(),
            t.series.c.series_instance_uid == series_uid,
        )
    )
    connection.execute(
        delete(t.expectation).where(t.expectation.c.series_instance_uid == series_uid)
    )
    takes_it = select(t.job_input.c.job_id).where(t.job_input.c.series_instance_uid == series_uid)
    remove_work(
        connection,
        (t.job.c.study_instance_uid == study_uid)
        & ((t.job.c.series_instance_uid == series_uid) | t.job.c.job_id.in_(takes_it)),
    )
    connection.execute(
        delete(t.decision).where(
            t.decision.c.study_instance_uid == study_uid,
            t.decision.c.series_instance_uid == series_uid,
        )
    )


_OF_STUDY = (
    t.shadow_run,
    t.drift_observation,
    t.decision,
    t.finding,
    t.report_due,
    t.delivery,
    t.availability_notice,
)


def _remove_empty_study(connection: Connection, study_uid: str) -> bool:
    """Remove a study without series, all that was worked out about it, and its patient."""
    row = connection.execute(
        select(t.study.c.id, t.study.c.patient_fk).where(
            t.study.c.study_instance_uid == study_uid,
            ~exists().where(t.series.c.study_fk == t.study.c.id),
        )
    ).first()
    if row is None:
        return False
    remove_work_of_study(connection, study_uid)
    connection.execute(delete(t.study).where(t.study.c.id == row.id))
    forget_groups(connection, study_uid)
    connection.execute(
        delete(t.patient).where(
            t.patient.c.id == row.patient_fk,
            ~exists().where(t.study.c.patient_fk == t.patient.c.id),
        )
    )
    return True
