"""Records ↔ index after a crash: what is durable in a volume gets its row back.

A record without a row is harmless and happens when a process dies between the
two, or when a power cut or the crash of a database server takes the last
transactions. A row without its record would be a lie, and the order of writing makes it impossible.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, and_, delete, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.engine import insert_or_ignore, reading, writing
from storage.deletion.service import bury
from storage.index.tombstones import Tombstone
from storage.reconciliation.covered_rows import renew_rows
from storage.reconciliation.first_received import (
    let_the_first_win,
)
from storage.reconciliation.missing_rows import (
    LOOKED_UP_TOGETHER,
    index_firsts,
    not_indexed,
    without_row,
)
from storage.reconciliation.missing_volumes import find_missing
from storage.reconciliation.moved_rows import Places, move_rows
from storage.reconciliation.refused_rows import insert_or_note
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import nothing_appended, translated_os_errors
from storage.volumes.host_id import NAMED_BY_HOST, host_id
from storage.volumes.reader import VolumeReader
from storage.volumes.returning import take_back
from storage.volumes.scan import (
    Record,
    batched,
    is_being_written,
    is_unfinished,
    scan,
    torn_bytes,
    verify,
    volume_sizes,
)

# A file this young may be one that its writer is about to lock.
_UNFINISHED_AGE_S = 60.0
# Its writer waits for the disk at most; one that was stopped must not stop others.
_APPEND_PATIENCE_S = 5.0

log = structlog.get_logger(__name__)


@dataclass
class _Indexed:
    """What became of the records of a volume."""

    restored: int = 0
    """How many got the row of an instance."""
    end: int = 0
    """Where the last whole one ends."""
    aside: list[Record] = field(default_factory=list)
    """Those without such a row that came when other content was stored under their UID."""
    is_left: bool = False
    """Whether it has to be looked at again, since rows did not get the records they need."""


def reconcile(
    engine: Engine,
    folder: Path,
    *,
    open_too: bool = False,
    thorough: bool = False,
    is_elsewhere: Callable[[str], bool] = lambda _volume: False,
) -> int:
    """Index every whole record that has no row, or whose row lost its place; how many there were.

    Volumes that were reconciled after their last record are passed over, and
    those that a living process writes unless `open_too`. With `thorough` all rows are asked for
    volumes that are not there (`find_missing`), but for those that another host has
    (`is_elsewhere`).
    """
    take_back(folder)
    reader = VolumeReader(folder)
    todo, live = [], []
    try:
        reconciled = _reconciled_sizes(engine)
        for name, size_bytes in volume_sizes(folder).items():
            if reconciled.get(name) == size_bytes:
                continue
            path = folder / name
            # Housekeeping may remove volumes meanwhile.
            with suppress(FileNotFoundError):
                if is_being_written(path):
                    live.append(path)
                    continue
                if is_unfinished(path):
                    _remove_unfinished(path)
                    continue
                # What was deleted must be known before any record is looked at.
                bury_again(engine, path, reader)
                todo.append(path)
        found: dict[Path, _Indexed] = {}
        since = _newest_row(engine)
        # In one volume they lie as they came.
        firsts = index_firsts(engine, todo, reader) if len(todo) > 1 else Counter()
        for path in todo:
            with suppress(FileNotFoundError):
                found[path] = _index_records(engine, path, reader, since)
                found[path].restored += firsts[path.name]
        restored = 0
        # Of two contents under one UID the first one first, in whatever volume it lies.
        for path, indexed in found.items():
            with suppress(FileNotFoundError):
                restored += _complete(engine, path, reader, indexed)
        for path in live if open_too else ():
            with suppress(FileNotFoundError):
                restored += _reconcile_open(engine, path, reader)
        if thorough:
            restored += find_missing(engine, folder, reader, is_elsewhere)
        return restored
    finally:
        reader.close()


def _remove_unfinished(path: Path) -> None:
    """Remove what a large instance left that never arrived whole, and empty volumes."""
    if time.time() - path.stat().st_mtime > _UNFINISHED_AGE_S:
        log.warning("unfinished_instance_removed", volume=path.name)
        path.unlink()


def reconcile_volume(engine: Engine, path: Path, reader: VolumeReader) -> int:
    """Index every whole record of one volume that has no row; how many there were.

    `bury_again` comes first, for every volume.
    """
    indexed = _index_records(engine, path, reader, _newest_row(engine))
    return _complete(engine, path, reader, indexed)


def is_reconciled(engine: Engine, path: Path) -> bool:
    """Whether all rows of a volume have the records they need, as of its last look."""
    return _reconciled_sizes(engine).get(path.name) == path.stat().st_size


def _complete(engine: Engine, path: Path, reader: VolumeReader, indexed: _Indexed) -> int:
    """Index what was kept aside, and note that the volume was looked at; how many rows it got."""
    restored = indexed.restored + _index_aside(engine, path, reader, indexed)
    size_bytes = path.stat().st_size
    if torn := torn_bytes(path, indexed.end):
        log.warning("volume_tail_torn", volume=path.name, torn_bytes=torn)
    if indexed.is_left:
        return restored
    with writing(engine) as connection:
        values = {"size_bytes": size_bytes, "reconciled_at": utcnow()}
        if not insert_or_ignore(connection, t.volume, {"name": path.name, **values}):
            connection.execute(
                update(t.volume).where(t.volume.c.name == path.name).values(**values)
            )
    if restored:
        log.warning("index_rows_restored", volume=path.name, instances=restored)
    return restored


def _reconcile_open(engine: Engine, path: Path, reader: VolumeReader) -> int:
    """As `reconcile_volume`, of one that another process goes on to write."""
    with nothing_appended(path, _APPEND_PATIENCE_S) as is_settled:
        if not is_settled:
            log.warning("volume_not_reconciled", volume=path.name)
            return 0
        # A large instance on its way has no header before it is whole.
        restored = 0
        if not is_unfinished(path):
            indexed = _index_records(engine, path, reader, _newest_row(engine))
            restored = indexed.restored + _index_aside(engine, path, reader, indexed)
    if restored:
        log.warning("index_rows_restored", volume=path.name, instances=restored)
    return restored


def _newest_row(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.max(t.instance.c.id))).scalar() or 0


def _index_records(engine: Engine, path: Path, reader: VolumeReader, since: int) -> _Indexed:
    """Index what was not kept aside. `since`: later rows are of this look, and not of what came."""
    indexed = _Indexed()
    places = Places(path.parent)
    for portion in batched(scan(path, mends=True), LOOKED_UP_TOGETHER):
        try:
            renew_rows(engine, path, portion, reader)
        except MediViewError:
            indexed.is_left = True
        last = portion[-1].location
        indexed.end = last.offset + last.length
        indexed.restored += move_rows(engine, path, portion, reader, places)
        for record in not_indexed(engine, portion):
            if record.note.is_aside:
                indexed.aside.append(record)
            else:
                indexed.restored += _index(engine, path, record, reader, indexed, since)
    return indexed


def _index_aside(engine: Engine, path: Path, reader: VolumeReader, indexed: _Indexed) -> int:
    return sum(_index(engine, path, record, reader, indexed) for record in indexed.aside)


def _index(
    engine: Engine,
    path: Path,
    record: Record,
    reader: VolumeReader,
    indexed: _Indexed,
    since: int | None = None,
) -> bool:
    """Whether the record got the row of an instance. One that gets none does not end the others.

    `since`: where another content got a row after that one, and came later, they are exchanged.
    """
    new = without_row(engine, path, record, reader)
    if new is None:
        return False
    outcome = insert_or_note(engine, new)
    indexed.is_left |= outcome is None
    if outcome == "conflict" and since is not None:
        with writing(engine) as connection:
            if _row_id(connection, new.header.sop_instance_uid) > since:
                let_the_first_win(connection, new)
    return outcome == "stored"


def _row_id(connection: Connection, sop_instance_uid: str) -> int:
    row = select(t.instance.c.id).where(t.instance.c.sop_instance_uid == sop_instance_uid)
    return connection.execute(row).scalar() or 0


def bury_again(engine: Engine, path: Path, reader: VolumeReader) -> None:
    """Bring the deletions that a volume tells of to their end, where a crash cut them off."""
    for record in scan(path, mends=True):
        if record.note.kind != "tombstone":
            continue
        if not verify(path, record):
            log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
            continue
        payload = reader.read(record.location, 0, record.location.length)
        buried = bury(engine, Tombstone.decode(record.note, payload))
        with translated_os_errors(path.parent):
            Generation(path.parent).ensure(record.note.generation)
        if buried:
            log.warning("deletion_completed", volume=path.name, instances=buried)
            _let_others_look_again(engine, path.parent)


def _let_others_look_again(engine: Engine, folder: Path) -> None:
    """A host that indexed its records before this deletion was known may have later ones.

    A folder alone has no volumes of others, and looks at those of earlier versions no more.
    """
    name = t.volume.c.name
    with translated_os_errors(folder):
        is_of_another = and_(name.like(NAMED_BY_HOST), ~name.like(f"%-{host_id(folder)}-%"))
    with writing(engine) as connection:
        connection.execute(delete(t.volume).where(is_of_another, t.volume.c.retired_at.is_(None)))


def _reconciled_sizes(engine: Engine) -> dict[str, int]:
    """How long each volume was when every whole record of it had been looked at."""
    with reading(engine) as connection:
        rows = connection.execute(select(t.volume.c.name, t.volume.c.size_bytes))
        return {row.name: row.size_bytes for row in rows}
