"""Take a backup of a node that goes on working.

First everything is copied that there is. Then, with the housekeeping stopped, the database is
looked at in one transaction and what has changed since is copied: objects, then volumes. Each
row of the database was written after its record, so every row has its record in the backup; a
record behind the last row is whole or torn, and gets its row when the backup is restored, or none.
`docs/decisions/0065-backups.md` says why not the databases' own tools.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version

from storage.backup.copier import Copier
from storage.backup.entities import BackupDamaged, Manifest, StoredFile
from storage.backup.last_backup import note_backup
from storage.backup.other_hosts import wait_for_others
from storage.backup.piece_check import check_pieces
from storage.backup.piece_writer import PieceWriter
from storage.backup.snapshot import BackupStorage, take_snapshot
from storage.backup.sources import Source, data_folder_files, stored_objects, volume_files
from storage.backup.store import BackupStore
from storage.core.clock import utcnow
from storage.core.data_folder.file_owner import give_to_owner
from storage.core.errors import NotFound, StateConflict
from storage.db.schema import newest_revision
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.volumes.files import translated_os_errors


@dataclass(frozen=True)
class StoreState:
    """What pieces of earlier backups were found to be."""

    read: int
    stored: int
    written_again: tuple[str, ...]
    damaged: tuple[str, ...]
    """Of earlier backups alone, named until those go: the node does not have their bytes."""


def take_backup(
    storage: BackupStorage, store: BackupStore, tell: Callable[[StoreState], None] = lambda _: None
) -> Manifest:
    """Copy the whole node; the backup counts once this returns.

    A share of the pieces that are there already is read again first, and what is damaged is written
    again (`storage.backup.piece_check`); `tell` is called with what was found.
    Raises StateConflict where one runs already, StorageUnavailable, StorageFull.
    """
    settings = storage.settings
    with alone(settings):
        newest = wait_for_others(storage)
        began_at = utcnow()
        name = f"{began_at:%Y%m%dT%H%M%S}-{began_at:%f}"
        cut_off = store.cut_off()
        store.begin(name)
        store.load_names()
        checked = check_pieces(store, store.piece_names())
        suspects = sorted(store.distrusted)
        with Copier(store, _files_before(store)) as copier:
            with translated_os_errors(settings.data_dir):
                for _ in copier.copy_all(_everything(storage.objects, storage.settings)):
                    pass
                snapshot = take_snapshot(storage, store, copier, newest)
            listed = PieceWriter(store)
            for file in snapshot.files:
                listed.write(json.dumps(asdict(file)).encode() + b"\n")
            manifest = Manifest(
                name=name,
                began_at=began_at.isoformat(),
                ended_at=utcnow().isoformat(),
                program_version=version("mediview"),
                schema=newest_revision(),
                engine=storage.engine.dialect.name,
                instances=snapshot.instances,
                size_bytes=sum(file.size_bytes for file in snapshot.files),
                copied_bytes=copier.copied_bytes + snapshot.rows_copied_bytes,
                tables=tuple(snapshot.tables),
                files=listed.finish(),
                missing=tuple(snapshot.missing),
                awaited=tuple(snapshot.awaited),
            )
        store.end(manifest)
        for earlier in cut_off:
            store.forget_begun(earlier)
        again = tuple(piece for piece in suspects if store.has((piece,)))
        lost = tuple(piece for piece in suspects if not store.has((piece,)))
        tell(StoreState(checked.read, checked.stored, again, lost))
        if not manifest.missing:
            note_backup(storage.engine)
        return manifest


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Nobody else of this machine writes to or removes from the store within the block."""
    path = settings.data_dir / "backup.lock"
    with translated_os_errors(settings.data_dir):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner(fd, settings.data_dir)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateConflict(
                "A backup of this node is running already.", remedy="Wait until it has ended."
            ) from error
        yield
    finally:
        os.close(fd)


def _files_before(store: BackupStore) -> Iterator[StoredFile]:
    """Of the last backup that can still be read: what has not changed since is not read again."""
    for name in reversed(store.whole()):
        try:
            return iter(list(store.files(store.manifest(name))))
        except (NotFound, BackupDamaged):
            continue
    return iter(())


def _everything(objects: ObjectStore, settings_repository: Settings) -> Iterator[Source]:
    settings = settings_repository
    yield from data_folder_files(settings)
    yield from stored_objects(settings, objects)
    yield from volume_files(settings)
