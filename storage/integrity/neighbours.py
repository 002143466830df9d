"""The other instances of a volume in which one proved to be damaged or lost.

A reader of a study stops at the first that is damaged, and a volume that was cut off has many.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from storage import tables as t
from storage.core.entities import Instance
from storage.db.engine import reading
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.integrity.copies import READABLE, State, state_of_record
from storage.volumes.scan import volumes_in


def damaged_beside(engine: Engine, folder: Path, volume: str) -> Iterator[tuple[Instance, State]]:
    """Instances that lie in this volume alone and whose records are not there, or begin wrong.

    Their headers are read, and not the pixels. Nothing is named where the folder holds no volume
    at all: more likely its disk is not mounted. Raises StorageUnavailable, OSError.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select_stored_instances(t.instance.c.volume == volume, t.NOT_UPLOADED)
        )
        instances = [to_instance(row) for row in rows.mappings()]
    try:
        fd = os.open(folder / volume, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if volumes_in(folder):
            yield from ((one, "missing") for one in instances)
        return
    try:
        for one in instances:
            state = state_of_record(fd, one, compared_max_bytes=0)
            if state not in READABLE:
                yield one, state
    finally:
        os.close(fd)
