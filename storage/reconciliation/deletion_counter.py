"""The counter of deletions must not lie behind what the index knows of them."""

from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.db.engine import reading, translated, writing
from storage.volumes.deletion_counter import Generation, Numbers
from storage.volumes.files import translated_os_errors
from storage.volumes.records import PLAUSIBLE_GENERATIONS, plausible

log = structlog.get_logger(__name__)


def ensure_counter(engine: Engine, folder: Path, numbers: Numbers | None = None) -> None:
    """Where it was lost or damaged, what arrives now would be taken for deleted long ago.

    So it would where another host has deleted since; `numbers` has what all count by. Raises
    StorageFull, StorageUnavailable.
    """
    with translated():
        _correct(engine)
    with reading(engine) as connection:
        known = [
            connection.execute(select(func.max(table.c.generation))).scalar() or 0
            for table in (t.tombstone, t.discarded_content)
        ]
    counter = Generation(folder, numbers)
    try:
        with translated_os_errors(folder):
            counter.newest()
            counter.ensure(max(known))
            counter.newest()
    finally:
        counter.close()


def _correct(engine: Engine) -> None:
    """Let the index say of deletions what their volumes are read to say.

    The counter of earlier versions could be damaged, and then gave numbers that nobody believes.
    They would cover for ever what is received again.
    """
    for table in (t.tombstone, t.discarded_content):
        wrong = select(table.c.id).where(table.c.generation >= PLAUSIBLE_GENERATIONS)
        with reading(engine) as connection:
            ids = connection.execute(wrong).scalars().all()
        if not ids:
            continue
        with writing(engine) as connection:
            for row_id in ids:
                _correct_row(connection, table, row_id)
        log.warning("deletion_numbers_corrected", table=table.name, rows=len(ids))


def _correct_row(connection: Connection, table: Table, row_id: int) -> None:
    row = connection.execute(select(table).where(table.c.id == row_id)).mappings().first()
    if row is None:
        return
    right = plausible(row["generation"])
    same = [table.c.sop_instance_uid == row["sop_instance_uid"], table.c.generation == right]
    if table is t.discarded_content:
        same.append(table.c.digest == row["digest"])
    if connection.execute(select(table.c.id).where(*same)).first() is None:
        changed = update(table).where(table.c.id == row_id)
        connection.execute(changed.values(generation=right))
        return
    if row.get("object_key"):
        # It has to leave the bucket still.
        kept = update(table).where(*same, table.c.object_key == "")
        connection.execute(kept.values(object_key=row["object_key"]))
    connection.execute(delete(table).where(table.c.id == row_id))
