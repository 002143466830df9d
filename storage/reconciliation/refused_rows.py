"""Records whose rows the database refuses, since it does not take their values.

They stay in their volumes, and each is noted, so that the others go on and a person hears of it.
Nothing that arrives should get that far: what is indexed is bounded before it is stored
(`storage.core.text.bounded_text`). Each start of the node tries them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from sqlalchemy import Engine, delete, exists, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.driver_errors import is_clash, is_data_refused
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.index.insert_instance import NewInstance, Outcome, insert_instances

log = structlog.get_logger(__name__)

REMEDY = (
    "A value in its header is too long or not valid for the database: have it corrected where it"
    " comes from, and sent to this node again. Each start of the node tries the record again."
)


@dataclass(frozen=True)
class RefusedRow:
    """Where the record lies; an object of the bucket has no volume."""

    sop_instance_uid: str
    volume: str
    offset: int


def insert_or_note(engine: Engine, new: NewInstance) -> Outcome | Literal["refused"] | None:
    """As `insert_instances`, of one; None where others were in the way, so that it waits.

    Raises StorageUnavailable, StorageFull.
    """
    try:
        return insert_instances(engine, [new])[0]
    except (DBAPIError, MediViewError, UnicodeEncodeError, OverflowError) as error:
        if is_data_refused(error):
            note_refused(engine, new)
            return "refused"
        if is_clash(error):
            return None
        raise


def note_refused(engine: Engine, new: NewInstance) -> None:
    """Remember it, and log it once. Raises StorageUnavailable, StorageFull."""
    location = new.location
    values = {
        "sop_instance_uid": new.header.sop_instance_uid,
        "volume": location.volume,
        "volume_offset": location.offset,
        "noticed_at": utcnow(),
    }
    with writing(engine) as connection:
        is_new = insert_or_ignore(connection, t.refused_row, values)
    if is_new:
        log.error("index_row_refused", volume=location.volume, offset=location.offset)


def refused_rows(
    engine: Engine, volume: str | None = None, at_most: int | None = None
) -> Sequence[RefusedRow]:
    """Those that are noted, of one volume or of all, and of these `at_most` so many.

    Without those whose UID was stored since, or deleted.
    """
    row = t.refused_row.c
    wanted = (
        select(row.sop_instance_uid, row.volume, row.volume_offset)
        .where(
            *(() if volume is None else (row.volume == volume,)),
            *(
                ~exists().where(of == row.sop_instance_uid)
                for of in (t.instance.c.sop_instance_uid, t.tombstone.c.sop_instance_uid)
            ),
        )
        .order_by(row.noticed_at, row.sop_instance_uid)
        .limit(at_most)
    )
    with reading(engine) as connection:
        return [RefusedRow(*found) for found in connection.execute(wanted)]


def refused_in_words(refused: Sequence[RefusedRow]) -> str:
    """How many, and three of them by name."""
    named = ", ".join(one.sop_instance_uid for one in refused[:3])
    many = len(refused) != 1
    return (
        f"the database refuses the row{'s' if many else ''} of {len(refused)} stored"
        f" instance{'s' if many else ''}, which stay{'' if many else 's'} in"
        f" {'their volumes' if many else 'its volume'} and {'are' if many else 'is'} not shown:"
        f" {named}{'' if len(refused) <= 3 else ' and others'}"
    )


def try_refused_again(engine: Engine, folder: Path) -> None:
    """Forget those of the volumes in the folder, so that the next reconciliation looks at them."""
    noted = t.refused_row.c.volume
    with writing(engine) as connection:
        volumes = connection.execute(select(noted).distinct()).scalars().all()
        here = [volume for volume in volumes if volume and (folder / volume).is_file()]
        for portion in in_portions(here):
            connection.execute(delete(t.refused_row).where(noted.in_(portion)))
            connection.execute(
                update(t.volume).where(t.volume.c.name.in_(portion)).values(size_bytes=-1)
            )
