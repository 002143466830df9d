"""What is done about the problems that `storage.maintenance.verify` finds."""

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import Engine, update

from storage import tables as t
from storage.core.errors import InstanceDamaged, MediViewError, NotFound
from storage.db.engine import writing
from storage.db.portions import in_portions
from storage.index.repository import Index
from storage.integrity.copies import READABLE, state_in_volume
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.maintenance.problems import Problem, ProblemKind
from storage.reconciliation.covered_rows import renew_rows
from storage.reconciliation.moved_rows import move_all
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import scan, volumes_in
from storage.volumes.writer import VolumeWriter

_OBJECT_PROBLEMS: tuple[ProblemKind, ...] = ("object_missing", "object_size")


def note_damage(index: Index, instances: InstanceReader, problems: Iterable[Problem]) -> None:
    """Let the running node know what was found, so that it repairs what it can and names the rest.

    Raises StorageUnavailable.
    """
    for problem in problems:
        if problem.kind in ("record_damaged", "record_missing") and problem.sop_instance_uid:
            with suppress(NotFound, InstanceDamaged):
                instances.checked(index.instance(problem.sop_instance_uid))


def note_objects(
    index: Index, damaged: DamagedInstances, volumes: VolumeWriter, problems: Iterable[Problem]
) -> None:
    """As `note_damage`, of objects whose bytes are wrong. Raises StorageUnavailable."""
    reader = VolumeReader(volumes.folder)
    try:
        for problem in problems:
            if problem.kind == "object_damaged":
                with suppress(NotFound):
                    instance = index.instance(problem.sop_instance_uid)
                    is_here = (
                        bool(instance.location.volume)
                        and state_in_volume(reader, instance) in READABLE
                    )
                    damaged.note(instance, problem.kind, has_copy=is_here)
    finally:
        reader.close()


def renew_records(engine: Engine, volumes: VolumeWriter, problems: Iterable[Problem]) -> int:
    """Write records again that a deletion covers although they came after it; how many.

    Raises StorageFull, StorageUnavailable.
    """
    names = {one.place.rpartition(":")[0] for one in problems if one.kind == "record_covered"}
    reader = VolumeReader(volumes.folder)
    count = 0
    failed: MediViewError | None = None
    try:
        for name in sorted(names):
            path = volumes.folder / name
            with suppress(FileNotFoundError):
                for record in scan(path):
                    try:
                        count += renew_rows(engine, path, [record], reader)
                    except MediViewError as error:
                        failed = error
    finally:
        reader.close()
    if failed is not None:
        raise failed
    return count


def move_rows(engine: Engine, volumes: VolumeWriter, problems: Iterable[Problem]) -> int:
    """Let rows name the records that lie elsewhere; how many.

    Raises StorageFull, StorageUnavailable.
    """
    uids = {one.sop_instance_uid for one in problems if one.kind == "record_moved"}
    if not uids:
        return 0
    reader = VolumeReader(volumes.folder)
    try:
        return move_all(engine, volumes.folder, reader, uploaded_only=uids)
    finally:
        reader.close()


def copy_again(engine: Engine, volumes: VolumeWriter, problems: Iterable[Problem]) -> int:
    """Let instances that the bucket lacks and a local volume has go there again; how many."""
    uids = [one.sop_instance_uid for one in problems if one.kind in _OBJECT_PROBLEMS]
    local = [path.name for path in volumes_in(volumes.folder)]
    count = 0
    with writing(engine) as connection:
        for names in in_portions(local):
            for portion in in_portions(uids):
                changed = connection.execute(
                    update(t.instance)
                    .where(
                        t.instance.c.sop_instance_uid.in_(portion),
                        t.instance.c.volume.in_(names),
                    )
                    .values(object_key="")
                )
                count += changed.rowcount
    return count
