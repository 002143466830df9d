"""Copies of conflicts in the bucket, so that any host can look at them, and a backup has them.

Each is an object that holds the conflict's record as a volume does (`storage.volumes.records`), so
that an index that is rebuilt knows how and when it came, and which deletions cover it.
"""

import io
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, RowMapping, delete, exists, select, true, update

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading, writing
from storage.hosts.repository import Hosts
from storage.objects.keys import conflict_key
from storage.objects.store import ObjectStore
from storage.volumes.files import translated_os_errors
from storage.volumes.records import encode_header
from storage.volumes.scan import Record, scan

_COPIES_AT_ONCE = 4
_IN_MEMORY_BYTES = 8 << 20
_REMOVED_AT_ONCE = 500
_UNCOPIED = t.conflict.c.object_key == ""


def copy_conflicts(
    engine: Engine, folder: Path, objects: ObjectStore, limit: int, hosts: Hosts | None = None
) -> int:
    """Copy up to `limit` conflicts that are not in the bucket yet; how many were copied.

    One process of a folder at a time: callers hold `storage.db.locks`'s housekeeping lock.
    Where `hosts` have disks of their own each copies what it has. Raises StorageUnavailable when
    the bucket does not answer; the rest goes next time.
    """
    own = hosts.holds(t.conflict.c.volume) if hosts else true()
    waiting = list(_waiting(engine, folder, limit, own))
    if not waiting:
        return 0
    with writing(engine) as connection:
        _note_begun(connection, waiting)
    with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        for _ in pool.map(lambda one: one.put(objects), waiting):
            pass
    with writing(engine) as connection:
        # Of one that was decided meanwhile the object may have been removed before it was whole.
        _note_begun(connection, [one for one in waiting if not _note_copied(connection, one)])
    return len(waiting)


def remove_left_copies(engine: Engine, objects: ObjectStore) -> int:
    """Remove objects of conflicts that were decided or deleted from the bucket; how many.

    Not beside a backup, and one process of all hosts at a time (`storage.db.locks`).
    Raises StorageUnavailable when the bucket does not answer; the rest goes next time.
    """
    copy, waits = t.conflict_copy.c, t.conflict.c
    is_needed = exists().where(
        waits.sop_instance_uid == copy.sop_instance_uid,
        waits.digest == copy.digest,
        waits.received_at == copy.received_at,
    )
    # A rebuilt index may have nothing else under the UID.
    is_instance = exists().where(
        t.instance.c.sop_instance_uid == copy.sop_instance_uid,
        t.instance.c.object_key == copy.object_key,
    )
    with reading(engine) as connection:
        keys = connection.execute(
            select(copy.object_key).where(~is_needed, ~is_instance).limit(_REMOVED_AT_ONCE)
        ).scalars()
        left = list(keys)
    for key in left:
        objects.delete(key)
        with writing(engine) as connection:
            connection.execute(delete(t.conflict_copy).where(copy.object_key == key))
    return len(left)


def note_copy(connection: Connection, key: str, sop_instance_uid: str, record: Record) -> None:
    """Note an object that was found in the bucket, and that a conflict, if one waits, is there."""
    of = {
        "sop_instance_uid": sop_instance_uid,
        "digest": record.digest,
        "received_at": record.note.received_at,
    }
    insert_or_ignore(connection, t.conflict_copy, {"object_key": key, **of})
    is_of = (t.conflict.c[name] == value for name, value in of.items())
    connection.execute(update(t.conflict).where(_UNCOPIED, *is_of).values(object_key=key))


@dataclass(frozen=True)
class _ToCopy:
    key: str
    row: RowMapping
    path: Path
    record: Record

    def put(self, objects: ObjectStore) -> None:
        with translated_os_errors(self.path.parent), self.path.open("rb") as file:
            location = self.record.location
            file.seek(location.offset)
            meta = file.read(self.record.dataset_offset)
            # As the index has it: two that came at once do not say which was kept aside.
            note = replace(self.record.note, is_aside=True, received_at=self.row["received_at"])
            header = encode_header(
                note.encode(), meta, location.length, bytes.fromhex(self.record.digest)
            )
            stream = _Behind(header, file, location.offset, location.length)
            if location.length <= _IN_MEMORY_BYTES:
                objects.put(self.key, stream.readall())
                return
            with io.BufferedReader(stream, 1 << 20) as buffered:
                objects.put(self.key, buffered)


def _waiting(engine: Engine, folder: Path, limit: int, own: Any) -> Iterator[_ToCopy]:
    """Those whose record is in the folder; what is missing does not hold up others."""
    with reading(engine) as connection:
        volumes = connection.execute(
            select(t.conflict.c.volume).where(_UNCOPIED, own).distinct()
        ).scalars()
        names = sorted(name for name in volumes if name and (folder / name).is_file())
    left = limit
    for name in names:
        rows: dict[int, list[RowMapping]] = defaultdict(list)
        with reading(engine) as connection:
            query = select(t.conflict).where(_UNCOPIED, t.conflict.c.volume == name)
            for row in connection.execute(query.order_by(t.conflict.c.id).limit(left)).mappings():
                rows[row["volume_offset"]].append(row)
        # Compaction may have moved it all meanwhile.
        with translated_os_errors(folder), suppress(FileNotFoundError):
            for record in scan(folder / name):
                for row in rows.pop(record.location.offset, ()):
                    key = conflict_key(row["sop_instance_uid"], row["digest"], row["received_at"])
                    yield _ToCopy(key, row, folder / name, record)
                    left -= 1
                if not rows:
                    break
        if left <= 0:
            return


def _note_begun(connection: Connection, copies: list[_ToCopy]) -> None:
    for one in copies:
        of = ("sop_instance_uid", "digest", "received_at")
        values = {"object_key": one.key, **{name: one.row[name] for name in of}}
        insert_or_ignore(connection, t.conflict_copy, values)


def _note_copied(connection: Connection, one: _ToCopy) -> bool:
    """Whether the conflict still waits."""
    of = ("id", "digest", "received_at")
    is_row = (t.conflict.c[name] == one.row[name] for name in of)
    changed = connection.execute(update(t.conflict).where(*is_row).values(object_key=one.key))
    return bool(changed.rowcount)


class _Behind(io.RawIOBase):
    """Some bytes, and then a part of a file."""

    def __init__(self, first: bytes, file: BinaryIO, offset: int, length: int) -> None:
        self._first, self._file, self._offset = first, file, offset
        self._size = len(first) + length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        behind = self._position - len(self._first)
        if behind < 0:
            data = self._first[self._position :][:length]
        else:
            self._file.seek(self._offset + behind)
            data = self._file.read(max(length, 0))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
