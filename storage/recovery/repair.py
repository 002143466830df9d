"""Repair the index: keep the old files, make a new one of what is left, and tell what is not."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile

from storage.core.clock import utcnow
from storage.db.engine import make_engine, writing
from storage.db.migrate import upgrade_schema
from storage.db.sqlite_files.log_recovery import look_after_log
from storage.db.sqlite_files.replacement import finish, index_path, replace
from storage.deletion.durable_tombstones import write_outstanding
from storage.maintenance.reindexing.reindex import rebuild_from
from storage.maintenance.reindexing.rows import Rebuilt
from storage.maintenance.upgrade import upgrade
from storage.objects.store import ObjectStore
from storage.patient_identity.reassignment import reassign_all
from storage.reconciliation.moved_rows import move_all
from storage.recovery.diagnosis import Diagnosis
from storage.recovery.salvage import Salvaged, salvage, salvage_unwritten_tombstones
from storage.rejection_notes.hiding import hide_again
from storage.settings import Settings
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.writer import VolumeWriter

_SUFFIXES = ("", "-wal", "-shm")


@dataclass
class Repaired:
    kept: list[Path] = field(default_factory=list)
    """The old files under their new names."""
    rebuilt: Rebuilt | None = None
    salvaged: list[Salvaged] = field(default_factory=list)
    restored: int = 0
    """Instances that were indexed again."""


def repair(
    settings: Settings,
    diagnosis: Diagnosis,
    bucket: ObjectStore | None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Repaired:
    """Do what the diagnosis calls for; the node must stand still.

    The new index is made beside the old one, and takes its place when it is whole: what is
    interrupted can be begun again. Raises StorageFull, StorageUnavailable.
    """
    done = Repaired()
    path = index_path(settings)
    with translated_os_errors(settings.data_dir):
        if path is not None and diagnosis.must_rebuild and not finish(settings):
            _rebuild(settings, path, bucket, done, tell)
        elif path is not None and (diagnosis.index == "indexes_wrong" or diagnosis.log_is_damaged):
            _copy_aside(path, done)
            if diagnosis.log_is_damaged:
                look_after_log(path)
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("REINDEX")
    done.restored = upgrade(settings) + _move_rows(settings)
    return done


def _move_rows(settings: Settings) -> int:
    """Those that a start passed over, since they were noted as lost before."""
    engine = make_engine(settings.resolved_database_url)
    folder = settings.data_dir / "volumes"
    reader = VolumeReader(folder)
    try:
        return move_all(engine, folder, reader)
    finally:
        reader.close()
        engine.dispose()


def _rebuild(
    settings: Settings,
    path: Path,
    bucket: ObjectStore | None,
    done: Repaired,
    tell: Callable[[int, int], None],
) -> None:
    new = path.with_name(f"{path.name}.new")
    for suffix in _SUFFIXES:
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    fresh = settings.model_copy(update={"database_url": f"sqlite:///{new.absolute()}"})
    has_rows = path.exists() and path.stat().st_size > 0
    if has_rows:
        _write_tombstones(fresh, path, new)
    done.rebuilt = rebuild_from(fresh, bucket, tell)
    if has_rows:
        done.salvaged = salvage(path, new)
        _apply_again(fresh)
    with closing(sqlite3.connect(new)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for suffix in ("-wal", "-shm"):
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    done.kept += replace(path, new)


def _write_tombstones(fresh: Settings, path: Path, new: Path) -> None:
    """What the old index alone knows to be deleted must not come back from the volumes."""
    engine = make_engine(fresh.resolved_database_url)
    volumes = VolumeWriter(
        fresh.data_dir / "volumes", size_bytes=fresh.volume_size_bytes, free_disk_mark_bytes=0
    )
    try:
        upgrade_schema(engine)
        salvage_unwritten_tombstones(path, new)
        write_outstanding(engine, volumes)
    finally:
        volumes.close()
        engine.dispose()


def _apply_again(fresh: Settings) -> None:
    """What was corrected and rejected shows in the rows of studies, which are made from volumes."""
    engine = make_engine(fresh.resolved_database_url)
    try:
        with writing(engine) as connection:
            reassign_all(connection, utcnow())
            hide_again(connection)
    finally:
        engine.dispose()


def _copy_aside(path: Path, done: Repaired) -> None:
    stamp = f"{utcnow():%Y%m%dT%H%M%S}"
    for suffix in ("", "-wal"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            kept = path.with_name(f"{path.name}.before-repair-{stamp}{suffix}")
            copyfile(old, kept)
            done.kept.append(kept)
