"""Restore a backup into an empty data folder and an empty database, of whatever engine.

Files come first and the database last, in one transaction. Until that has ended a mark in the
data folder keeps every role from starting, and lets a restore that was cut off go on.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.backup.entities import BackupDamaged, Manifest, StoredFile
from storage.backup.rows import set_last_number, write_rows
from storage.backup.snapshot import LEFT_OUT_TABLES
from storage.backup.sources import OBJECTS, target_of
from storage.backup.store import BackupStore, lines
from storage.core.data_folder import disk_reserve, private_folder, unfinished_restore
from storage.core.errors import InvalidRequest
from storage.db.engine import make_engine, reading, writing
from storage.db.migrate import upgrade_to
from storage.db.schema import known_revisions, newest_revision
from storage.db.sqlite_files.replacement import index_path
from storage.maintenance.upgrade import upgrade
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.volumes.durable_names import make_folder, sync_folder
from storage.volumes.files import translated_os_errors

_PART = ".restoring"
_VERSION = "alembic_version"
# What a migration itself puts into an empty database.
_BEGUN = frozenset({"access_group", "access_state", "retention_state", "audit_chain"})


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    files: int
    indexed: int
    """Instances that came while the backup ran, and got their row now."""


def restore(settings: Settings, store: BackupStore, manifest: Manifest) -> Restored:
    """Restore all of it. Raises InvalidRequest where something is there already, BackupDamaged."""
    _check_schema(manifest)
    bucket = _bucket(settings)
    engine = make_engine(settings.resolved_database_url)
    try:
        private_folder.prepare(settings.data_dir)
        with translated_os_errors(settings.data_dir):
            unfinished_restore.forget_if_nothing_was_restored(settings.data_dir)
        begun = unfinished_restore.restore_begun(settings.data_dir)
        _check_empty(settings, bucket, manifest, begun)
        if not begun:
            _check_database_empty(settings, engine)
            _mark(settings.data_dir, manifest.name)
        count = 0
        if not _table_with_rows(engine):
            count = _restore_files(settings, bucket, store, manifest)
            with writing(engine) as connection:
                _restore_database(connection, store, manifest)
    except BackupDamaged as error:
        raise BackupDamaged(error.message, remedy=_after_damage(settings)) from error
    finally:
        engine.dispose()
    with translated_os_errors(settings.data_dir):
        (settings.data_dir / unfinished_restore.NAME).unlink(missing_ok=True)
        sync_folder(settings.data_dir)
    return Restored(manifest, count, upgrade(settings))


def _restore_files(
    settings: Settings, bucket: ObjectStore | None, store: BackupStore, manifest: Manifest
) -> int:
    """How many."""
    count = 0
    with translated_os_errors(settings.data_dir):
        folders: set[Path] = set()
        for file in store.files(manifest):
            folders |= _restore_file(settings, bucket, store, file)
            count += 1
        # Each once, instead of once for each file.
        for folder in folders:
            sync_folder(folder)
    return count


def _after_damage(settings: Settings) -> str:
    """What another backup needs is what `_check_empty` asks for."""
    bucket = f", the bucket {settings.s3_bucket}" if settings.object_store == "s3" else ""
    return (
        f"Empty {settings.data_dir}{bucket} and the database, and restore another backup with"
        " --at; 'mediview backup list' names them. Or give the same command again once the place"
        " has the part again: a backup of a node that has it writes it."
    )


def _check_schema(manifest: Manifest) -> None:
    if manifest.schema > newest_revision():
        raise InvalidRequest(
            f"The backup was made by version {manifest.program_version}, whose database is at"
            f" {manifest.schema}; this version knows {newest_revision()}.",
            remedy="Install that version or a newer one, and restore with it.",
        )
    if manifest.schema not in known_revisions():
        raise BackupDamaged(f"The backup names a schema that there never was: {manifest.schema!r}.")


def _bucket(settings: Settings) -> ObjectStore | None:
    """The node's bucket, which is made where it is missing."""
    if settings.object_store != "s3":
        return None
    # With boto3.
    from storage.objects.s3 import S3Objects

    bucket = S3Objects(settings)
    bucket.create_bucket()
    return bucket


def _check_empty(
    settings: Settings, bucket: ObjectStore | None, manifest: Manifest, begun: str
) -> None:
    if begun == manifest.name:
        return
    if begun:
        raise InvalidRequest(
            f"A restore of the backup {begun} into {settings.data_dir} has not ended.",
            remedy=unfinished_restore.remedy(settings.data_dir, begun)
            if begun == unfinished_restore.NAME_LOST
            else f"Let it go on with --at {begun}, or empty the folder, the database and the"
            " bucket.",
        )
    for folder in (settings.data_dir, settings.resolved_models_dir):
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        found = next((one for one in there if not _is_nobodys(settings, one)), None)
        if found is not None:
            raise InvalidRequest(
                f"{folder} is not empty: {found.name} is there, and a restore replaces nothing.",
                remedy="Name an empty folder in MEDIVIEW_DATA_DIR, or move what is there away.",
            )
    if settings.resolved_rules_file.exists():
        raise InvalidRequest(
            f"{settings.resolved_rules_file} exists already, and a restore replaces nothing.",
            remedy="Move the file away.",
        )
    if bucket is not None and next(iter(bucket.list("")), None) is not None:
        raise InvalidRequest(
            f"The bucket {settings.s3_bucket} is not empty, and a restore replaces nothing.",
            remedy="Name an empty bucket in MEDIVIEW_S3_BUCKET.",
        )


def _is_nobodys(settings: Settings, path: Path) -> bool:
    """What a role leaves that was started in an empty folder and found no schema.

    Whether SQLite's file has rows is looked at for itself.
    """
    if path.is_dir():
        return not any(path.iterdir())
    index = index_path(settings)
    files = set() if index is None else {f"{index.name}{end}" for end in ("", "-wal", "-shm")}
    return path.name in files | {disk_reserve.NAME}


def _check_database_empty(settings: Settings, engine: Engine) -> None:
    path = index_path(settings)
    # Looking into a file that is not there would make it.
    table = "" if path is not None and not path.exists() else _table_with_rows(engine)
    if table:
        raise InvalidRequest(
            f"The database is not empty: there are rows in {table}, and a restore replaces none.",
            remedy="Name an empty database in MEDIVIEW_DATABASE_URL.",
        )


def _table_with_rows(engine: Engine) -> str:
    with reading(engine) as connection:
        there = set(inspect(connection).get_table_names())
        for table in t.metadata.sorted_tables:
            if table.name in there - _BEGUN and (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
            ):
                return table.name
    return ""


def _mark(data_dir: Path, name: str) -> None:
    path = data_dir / unfinished_restore.NAME
    with translated_os_errors(data_dir):
        with path.open("w", encoding="ascii") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(data_dir)


def _restore_file(
    settings: Settings, bucket: ObjectStore | None, store: BackupStore, file: StoredFile
) -> set[Path]:
    """The folders whose names have to be synced still."""
    target = target_of(settings, file.path)
    in_bucket = bucket is not None and file.path.startswith(OBJECTS)
    if in_bucket:
        target = settings.data_dir / "object"
    make_folder(target.parent)
    partial = target.with_name(target.name + _PART)
    with partial.open("wb") as output:
        for piece in _pieces(store, file):
            output.write(piece)
        size_bytes = output.tell()
        if not in_bucket:
            # The sync of the whole disk would not say what the disk refused.
            output.flush()
            os.fsync(output.fileno())
    if size_bytes != file.size_bytes:
        raise BackupDamaged(
            f"{file.path} has {size_bytes} bytes in the backup; it had {file.size_bytes}."
        )
    if bucket is None or not in_bucket:
        partial.replace(target)
        return {target.parent}
    kind = "application/dicom" if file.path.endswith(".dcm") else "application/octet-stream"
    with partial.open("rb") as stream:
        bucket.put(file.path.removeprefix(OBJECTS), stream, kind)
    partial.unlink()
    return set()


def _pieces(store: BackupStore, file: StoredFile) -> Iterator[bytes]:
    for name in file.pieces:
        try:
            yield store.piece(name)
        except BackupDamaged as error:
            raise BackupDamaged(f"{error.message} It is a part of {file.path}.") from error


def _restore_database(connection: Connection, store: BackupStore, manifest: Manifest) -> None:
    _drop_empty_tables(connection)
    upgrade_to(connection, manifest.schema)
    # Alembic's own states the schema, which the manifest does.
    known = set(inspect(connection).get_table_names()) - {_VERSION}
    for table in reversed(manifest.tables):
        if table.name not in known:
            raise BackupDamaged(f"The backup names a table that it cannot hold: {table.name!r}.")
        connection.execute(text(f'DELETE FROM "{table.name}"'))
    for table in manifest.tables:
        if table.name in LEFT_OUT_TABLES:
            continue  # earlier versions had it in their backups
        try:
            rows = write_rows(connection, table.name, table.columns, lines(store, table.pieces))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise InvalidRequest(
                f"The database does not take a row of the table {table.name}:"
                f" {type(error.orig).__name__}.",
                remedy="Restore into the database engine that the backup was made of"
                f" ({manifest.engine}), and report this.",
            ) from error
        if rows != table.rows:
            raise BackupDamaged(
                f"The table {table.name} has {rows} rows in the backup; it had {table.rows}."
            )
        set_last_number(connection, table.name, table.columns, table.last_number)


def _drop_empty_tables(connection: Connection) -> None:
    """Those that this version makes: of a newer schema they could not be brought to an older."""
    there = set(inspect(connection).get_table_names())
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in [*(table.name for table in reversed(t.metadata.sorted_tables)), _VERSION]:
        if name in there:
            connection.execute(text(f'DROP TABLE "{name}"{cascade}'))
