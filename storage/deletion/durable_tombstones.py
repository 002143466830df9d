"""Tombstones: decided by a transaction of the index, then written into a volume.

The transaction that takes the rows out also notes the tombstone, so that a crash leaves either
everything as it was or a deletion that is made. Nothing is acknowledged over what is half deleted,
since nothing ever is: what is sent again finds no row, and is stored as a record that the tombstone
does not cover. The deletion is acknowledged once a volume says so too, since an index that
was lost is rebuilt from there. A tombstone that the disk did not take is written again by whichever
comes first: housekeeping, or somebody who asks for the same deletion again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine, delete, exists, insert, select
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.db.driver_errors import is_clash
from storage.db.engine import reading, translated, writing
from storage.db.joined_writes import joining_nothing
from storage.index.tombstones import Tombstone
from storage.volumes.records import Note
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

ATTEMPTS = 5
_UNDER_WAY = timedelta(minutes=1)

IS_UNWRITTEN = exists().where(t.unwritten_tombstone.c.generation == t.tombstone.c.generation)
"""Rows of `tombstone` of which no volume is known to say the same."""


def bury_by(
    engine: Engine,
    volumes: VolumeWriter,
    take_out: Callable[[Connection], Tombstone | None],
) -> None:
    """Run `take_out` in one transaction, and then write the tombstone of what it has taken out.

    `take_out` may be run again, where another transaction got in its way. What it raises leaves
    everything as it was. StorageUnavailable and StorageFull: either nothing has changed, or all
    of it and the tombstone is written later.
    """
    tombstone: Tombstone | None = None
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            with translated(), writing(engine) as connection:
                tombstone = take_out(connection)
                if tombstone is not None:
                    _note(connection, tombstone)
            break
        except (DBAPIError, StorageUnavailable) as error:
            if not (attempts_left and is_clash(error)):
                raise
    if tombstone is not None:
        _write(engine, volumes, tombstone)


def write_outstanding(
    engine: Engine, volumes: VolumeWriter, *, beside: datetime | None = None
) -> int:
    """Write the tombstones that no volume has yet; how many there were.

    `beside`: the time of now, for who leaves those alone that a deletion under way is about to
    write. Raises StorageFull, StorageUnavailable.
    """
    with as_node():
        tombstones = [
            one
            for one in unwritten(engine)
            # One further in the future is from before the clock was set back.
            if beside is None or abs(beside - one.deleted_at) >= _UNDER_WAY
        ]
        for tombstone in tombstones:
            _write(engine, volumes, tombstone)
            log.warning("deletion_noted_late", generation=tombstone.generation)
    return len(tombstones)


def unwritten(engine: Engine) -> list[Tombstone]:
    """Those that no volume has yet. Raises StorageUnavailable."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.unwritten_tombstone).order_by(t.unwritten_tombstone.c.id)
        ).mappings()
        return [
            Tombstone.decode(
                Note("delete", "received", row["deleted_at"], row["generation"], "tombstone"),
                row["payload"],
            )
            for row in rows
        ]


def _note(connection: Connection, tombstone: Tombstone) -> None:
    connection.execute(
        insert(t.unwritten_tombstone).values(
            generation=tombstone.generation,
            study_instance_uid=tombstone.study_instance_uid,
            deleted_at=tombstone.deleted_at,
            payload=tombstone.payload(),
        )
    )


def _write(engine: Engine, volumes: VolumeWriter, tombstone: Tombstone) -> None:
    try:
        volumes.append_records([tombstone.record()])
    except (StorageFull, StorageUnavailable) as error:
        raise type(error)(
            "The change is made, but the volumes cannot note it yet: an index that is rebuilt would"
            f" lack it. {error.message}",
            remedy=f"{error.remedy} The node then notes it by itself. Asked again, it answers the"
            " same until it has, and then that there is no such thing.",
        ) from error
    try:
        with as_node(), joining_nothing(), writing(engine) as connection:
            connection.execute(
                delete(t.unwritten_tombstone).where(
                    t.unwritten_tombstone.c.generation == tombstone.generation,
                    t.unwritten_tombstone.c.deleted_at == tombstone.deleted_at,
                )
            )
    except (DBAPIError, MediViewError):
        # It stands in two volumes then, which does no harm.
        log.warning("tombstone_to_be_written_again", generation=tombstone.generation)
