"""The moment of a backup: one look at the database, and the files that its rows refer to."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine, case, func, select

from storage import tables as t
from storage.backup.copier import Copier
from storage.backup.entities import StoredFile, StoredTable
from storage.backup.other_hosts import (
    Newest,
    awaited_of_others,
    missing_of_others,
    volumes_of_others,
)
from storage.backup.piece_writer import PieceWriter
from storage.backup.rows import columns_of, last_number, read_rows
from storage.backup.sources import (
    OBJECTS,
    VOLUMES,
    audit_files,
    data_folder_files,
    stored_objects,
    volume_files,
)
from storage.backup.store import BackupStore
from storage.container.has import HasEngine, HasHosts, HasObjects, HasSettings
from storage.core.errors import StorageUnavailable
from storage.db.engine import reading, reading_one_state
from storage.db.locks.advisory_lock import group_lock, housekeeping_lock
from storage.hosts.repository import Hosts
from storage.volumes.files import SUFFIX

# Of the machine and the moment; and nobody stays signed in by a backup. Hosts note themselves at
# their start, and those that will not come back are missed by nobody.
LEFT_OUT_TABLES = frozenset(
    {
        "heartbeat",
        "component",
        "clock_step",
        "disk_sample",
        "gpu_memory",
        "session",
        "last_backup",
        "host",
    }
)
_HOUSEKEEPING_PATIENCE_S = 600.0
_HOUSEKEEPING_POLL_S = 0.2


@dataclass(frozen=True)
class Snapshot:
    files: list[StoredFile]
    tables: list[StoredTable]
    instances: int
    missing: list[str]
    awaited: list[str]
    rows_copied_bytes: int


class BackupStorage(HasSettings, HasEngine, HasObjects, HasHosts, Protocol):
    """What of the storage layer backups are taken of."""


def take_snapshot(
    storage: BackupStorage, store: BackupStore, copier: Copier, newest: Newest
) -> Snapshot:
    """Nothing is removed until all files are copied; rows are read after that.

    `newest`: the last rows that were there before the backup.
    """
    settings, engine = storage.settings, storage.engine
    with ExitStack() as housekeeping, ExitStack() as database:
        housekeeping.enter_context(_no_housekeeping(storage))
        files = list(copier.copy_all(audit_files(settings)))
        connection = database.enter_context(reading_one_state(engine))
        # What is deleted meanwhile has its tombstone in a volume before its object goes.
        files += copier.copy_all(stored_objects(settings, storage.objects))
        files += copier.copy_all(volume_files(settings))
        files += copier.copy_all(data_folder_files(settings))
        housekeeping.close()
        sizes = {file.path: file.size_bytes for file in files}
        of_others = [*volumes_of_others(connection, storage.hosts, newest)]
        missing = [
            *missing_of_others(of_others),
            *_missing_volumes(connection, storage.hosts, sizes),
            *_missing_objects(connection, engine, sizes),
        ]
        instances = connection.execute(select(func.count()).select_from(t.instance)).scalar_one()
        writer = PieceWriter(store)
        tables = [
            _store_table(connection, writer, table.name)
            for table in t.metadata.sorted_tables
            if table.name not in LEFT_OUT_TABLES
        ]
    awaited = [*awaited_of_others(of_others)]
    return Snapshot(files, tables, instances, missing, awaited, writer.copied_bytes)


@contextmanager
def _no_housekeeping(storage: BackupStorage) -> Iterator[None]:
    """Wait for what is under way, and let no volume or object be removed within the block."""
    deadline = time.monotonic() + _HOUSEKEEPING_PATIENCE_S
    while True:
        with _housekeeping_locks(storage) as mine:
            if mine:
                yield
                return
        if time.monotonic() > deadline:
            raise StorageUnavailable(
                "Maintenance of the volumes has not ended for ten minutes.",
                remedy="Start the backup again later.",
            )
        time.sleep(_HOUSEKEEPING_POLL_S)


@contextmanager
def _housekeeping_locks(storage: BackupStorage) -> Iterator[bool]:
    """Of this host's folder, and of what hosts with disks of their own have together."""
    engine, data_dir = storage.engine, storage.settings.data_dir
    if not storage.settings.own_disks:
        with housekeeping_lock(engine, data_dir) as mine:
            yield mine
        return
    with (
        housekeeping_lock(engine, data_dir, storage.hosts.own_id()) as of_folder,
        group_lock(engine, data_dir) as of_all,
    ):
        yield of_folder and of_all


def _store_table(connection: Connection, writer: PieceWriter, name: str) -> StoredTable:
    table = t.metadata.tables[name]
    rows = 0
    for line in read_rows(connection, table):
        writer.write(line)
        rows += 1
    return StoredTable(
        name, columns_of(table), rows, writer.finish(), last_number(connection, table)
    )


def _missing_volumes(
    connection: Connection, hosts: Hosts, sizes: Mapping[str, int]
) -> Iterator[str]:
    """Of this host. `sizes`: in bytes, of the files of the backup by path."""
    for table, is_alone, what in (
        (t.instance, t.NOT_UPLOADED, "instances"),
        (t.conflict, t.conflict.c.object_key == "", "conflicts"),
    ):
        ends = connection.execute(
            select(
                table.c.volume,
                func.count(),
                func.max(table.c.volume_offset + table.c.size_bytes),
            )
            .where(is_alone, table.c.volume != "")
            .group_by(table.c.volume)
        )
        for volume, count, end in ends:
            if sizes.get(VOLUMES + volume, 0) < end and not hosts.is_elsewhere(volume):
                yield f"The volume {volume}, which {count} {what} lie in, is missing or too short."


def _missing_objects(
    connection: Connection, engine: Engine, sizes: Mapping[str, int]
) -> Iterator[str]:
    """Those that instances lie in, of which a folder or bucket should have a copy."""
    key = t.instance.c.object_key
    # A volume that went to the bucket whole has many instances, another object is one.
    end = case(
        (key.endswith(SUFFIX), t.instance.c.volume_offset + t.instance.c.size_bytes),
        else_=t.instance.c.size_bytes,
    )
    needed = connection.execute(
        select(key, func.count(), func.max(end)).where(key != "").group_by(key)
    )
    lacking = {name: count for name, count, size in needed if sizes.get(OBJECTS + name, 0) < size}
    # An object may have gone with its study since the look; its tombstone is in a volume then.
    with reading(engine) as now:
        for name, count in lacking.items():
            if now.execute(select(t.instance.c.id).where(key == name).limit(1)).first():
                yield f"The object {name}, which {count} instances lie in, is missing or too short."
    copied = select(t.conflict.c.object_key, t.conflict.c.size_bytes)
    for name, size in connection.execute(copied.where(t.conflict.c.object_key != "")):
        if sizes.get(OBJECTS + name, 0) < size:
            yield f"The object {name}, which a conflict lies in, is missing or too short."
