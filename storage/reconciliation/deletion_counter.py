"""The counter of deletions must not lie behind what the index knows of them."""

from pathlib import Path

from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors


def ensure_counter(engine: Engine, folder: Path) -> None:
    """Where it was lost or damaged, what arrives now would be taken for deleted long ago.

    Raises StorageFull, StorageUnavailable.
    """
    with reading(engine) as connection:
        known = [
            connection.execute(select(func.max(table.c.generation))).scalar() or 0
            for table in (t.tombstone, t.discarded_content)
        ]
    counter = Generation(folder)
    try:
        with translated_os_errors(folder):
            counter.ensure(max(known))
    finally:
        counter.close()
