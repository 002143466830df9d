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
from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.driver_errors import is_clash, is_data_refused
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.index.insert_instance import NewInstance, Outcome, insert_instances

log = structlog.get_logger(__name__)

_KIND = "index_refused"
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
    name = f"{_KIND}:{new.header.sop_instance_uid}:{location.volume}:{location.offset}"
    values = {"name": name, "since": utcnow(), "is_announced": False}
    with writing(engine) as connection:
        is_new = insert_or_ignore(connection, t.node_condition, values)
    if is_new:
        log.error("index_row_refused", volume=location.volume, offset=location.offset)


def refused_rows(
    engine: Engine, volume: str | None = None, at_most: int | None = None
) -> Sequence[RefusedRow]:
    """Those that are noted, of one volume or of all; of `at_most` notes where that is given.

    Without those whose UID was stored since, or deleted.
    """
    wanted = select(t.node_condition.c.name).where(_is_noted()).limit(at_most)
    with reading(engine) as connection:
        names = connection.execute(wanted).scalars()
        noted = [_row(name) for name in names]
        found = [one for one in noted if volume is None or one.volume == volume]
        settled: set[str] = set()
        for portion in in_portions(list({one.sop_instance_uid for one in found})):
            for of in (t.instance.c.sop_instance_uid, t.tombstone.c.sop_instance_uid):
                settled |= set(connection.execute(select(of).where(of.in_(portion))).scalars())
    return [one for one in found if one.sop_instance_uid not in settled]


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
    noted = t.node_condition.c.name
    with writing(engine) as connection:
        names = list(connection.execute(select(noted).where(_is_noted())).scalars())
        here = {volume for name in names if (folder / (volume := _row(name).volume)).is_file()}
        for portion in in_portions([name for name in names if _row(name).volume in here]):
            connection.execute(delete(t.node_condition).where(noted.in_(portion)))
        for portion in in_portions(list(here)):
            connection.execute(
                update(t.volume).where(t.volume.c.name.in_(portion)).values(size_bytes=-1)
            )


def _is_noted() -> ColumnElement[bool]:
    return t.node_condition.c.name.startswith(f"{_KIND}:", autoescape=True)


def _row(name: str) -> RefusedRow:
    _, sop_instance_uid, volume, offset = name.split(":")
    return RefusedRow(sop_instance_uid, volume, int(offset))
