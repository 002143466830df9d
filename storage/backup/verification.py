"""Read a whole backup, and say what is missing or damaged and what that costs."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storage.backup.entities import BackupDamaged, Manifest
from storage.backup.store import BackupStore


@dataclass(frozen=True)
class Problem:
    what: str
    """Which part of the store it is, or what the node itself lacked."""
    affects: tuple[str, ...]
    """Files of the backup, or tables of the database."""


def verify_backup(
    store: BackupStore,
    manifest: Manifest,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Problem]:
    """Decrypt every piece of a backup and compare it with its digest.

    What the node lacked when the backup was taken comes first.
    Raises BackupDamaged where not even the list of files can be read.
    """
    for sentence in manifest.missing:
        yield Problem(sentence, ())
    users: dict[str, list[str]] = defaultdict(list)
    for file in store.files(manifest):
        for piece in file.pieces:
            users[piece].append(file.path)
    for table in manifest.tables:
        for piece in table.pieces:
            users[piece].append(f"the table {table.name}")
    for number, (piece, affected) in enumerate(users.items(), 1):
        try:
            store.piece(piece)
        except BackupDamaged as error:
            yield Problem(error.message, tuple(dict.fromkeys(affected)))
        tell(number, len(users))


def prune(store: BackupStore, keep: int) -> tuple[int, int]:
    """Remove all but the newest whole backups, and every piece that none of those has.

    The newest that lacks nothing stays, too: it may be the only copy of what the node has lost.
    Returns how many backups and pieces went. Callers let no backup run meanwhile.
    Raises BackupDamaged where a backup that stays cannot be read; then nothing is removed.
    """
    names = store.whole()
    leaving, staying = names[:-keep], [store.manifest(name) for name in names[-keep:]]
    if all(one.missing for one in staying) and (last := store.newest_complete()) is not None:
        leaving.remove(last.name)
        staying.append(last)
    used: set[str] = set()
    for manifest in staying:
        used.update(manifest.files)
        used.update(piece for table in manifest.tables for piece in table.pieces)
        used.update(piece for file in store.files(manifest) for piece in file.pieces)
    for name in leaving:
        # Before its pieces: what is cut off leaves no backup without them.
        store.delete_manifest(name)
    unused = store.piece_names() - used
    for piece in unused:
        store.delete_piece(piece)
    store.load_names()
    for piece in store.distrusted - used:
        store.trust(piece)
    return len(leaving), len(unused)
