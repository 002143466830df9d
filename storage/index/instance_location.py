"""In which volume or object an instance lies."""

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import Location
from storage.db.engine import reading


def locate(engine: Engine, sop_instance_uid: str) -> Location | None:
    """Where an instance lies now."""
    with reading(engine) as connection:
        row = connection.execute(
            select(
                t.instance.c.volume,
                t.instance.c.volume_offset,
                t.instance.c.size_bytes,
                t.instance.c.object_key,
            ).where(t.instance.c.sop_instance_uid == sop_instance_uid)
        ).first()
    return None if row is None else Location(*row)
