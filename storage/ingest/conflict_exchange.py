"""Put what was kept aside in the place of what is stored, within one transaction."""

from sqlalchemy import Connection, delete, select

from storage import tables as t
from storage.core.errors import NotFound, StateConflict
from storage.deletion.rows import lock_study, remove_rows
from storage.index.insert_instance import NewInstance, insert_instance
from storage.index.tombstones import Tombstone
from storage.retention.legal_holds import check_no_hold


def exchange_rows(
    connection: Connection, conflict_id: int, replaced: Tombstone, new: NewInstance
) -> None:
    """Put `new` in the place of what `replaced` names, if anything, and end the conflict.

    Raises NotFound, StateConflict where something else happened under the UID meanwhile.
    """
    uid = new.header.sop_instance_uid
    if replaced.instances:
        lock_study(connection, replaced.study_instance_uid)
        check_no_hold(connection, replaced.study_instance_uid)
    waiting = select(t.conflict.c.id).where(t.conflict.c.id == conflict_id).with_for_update()
    if connection.execute(waiting).first() is None:
        raise no_conflict()
    if replaced.instances:
        remove_rows(connection, replaced)
    if insert_instance(connection, new) == "conflict":
        raise StateConflict(
            f"Another instance was stored under {uid} meanwhile.",
            remedy="Compare the two again, and decide then.",
        )
    connection.execute(
        delete(t.conflict).where(
            t.conflict.c.sop_instance_uid == uid, t.conflict.c.digest == new.digest
        )
    )


def no_conflict() -> NotFound:
    return NotFound(
        "There is no such conflict: somebody has decided it, or it never was.",
        remedy="List what is kept aside at /api/conflicts.",
    )
