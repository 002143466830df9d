"""Look whether the bytes of what waits for a decision are there."""

from collections.abc import Callable, Iterator

from sqlalchemy import Engine, exists, select

from storage import tables as t
from storage.core.errors import NotFound
from storage.db.engine import reading
from storage.maintenance.problems import Problem
from storage.objects.store import ObjectStore

_PORTION = 500
_REMEDY = (
    "Discard the conflict, which keeps what is stored, and have the instance sent again where what"
    " it brought is wanted."
)


def check_conflicts(
    engine: Engine,
    objects: ObjectStore,
    is_there: Callable[[str], bool],
    is_elsewhere: Callable[[str], bool],
) -> Iterator[Problem]:
    """`is_there`: whether a volume is here. What another host alone has its own check finds.

    Raises StorageUnavailable.
    """
    c = t.conflict.c
    last = 0
    while True:
        with reading(engine) as connection:
            query = select(t.conflict).where(c.id > last).order_by(c.id).limit(_PORTION)
            rows = connection.execute(query).mappings().all()
        if not rows:
            return
        last = rows[-1]["id"]
        for row in rows:
            place, key = f"{row['volume']}:{row['volume_offset']}", row["object_key"]
            if row["volume"] and is_there(row["volume"]):
                continue
            if key:
                place = key
                try:
                    if objects.size(key) >= row["size_bytes"]:
                        continue
                except NotFound:
                    pass
            elif is_elsewhere(row["volume"]):
                continue
            if _still_waits(engine, row["id"], row["volume"], key):
                yield Problem("conflict_missing", place, row["sop_instance_uid"], _REMEDY)


def _still_waits(engine: Engine, conflict_id: int, volume: str, key: str) -> bool:
    """In that place: not decided, moved or copied meanwhile."""
    c = t.conflict.c
    same = exists().where(c.id == conflict_id, c.volume == volume, c.object_key == key)
    with reading(engine) as connection:
        return bool(connection.execute(select(same)).scalar())
