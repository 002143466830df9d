"""Reads pieces again that earlier backups left: a medium may have changed them since."""

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from storage.backup.entities import BackupDamaged
from storage.backup.store import BackupStore

LEAST_PIECES = 256
"""Of 8 MiB at most: a store of up to 2 GiB is read as a whole with each backup."""
LEAST_SHARE = 30
"""A daily backup reads every piece of a larger store within a month."""

_AT_ONCE = 4


@dataclass(frozen=True)
class PieceCheck:
    read: int
    stored: int
    damaged: tuple[str, ...]
    """Names of pieces that are not what was written, or cannot be read."""


def check_pieces(store: BackupStore, names: set[str]) -> PieceCheck:
    """Decrypt the next share of all pieces, in the order of their names, and compare their digests.

    The store remembers which are damaged, and where the next check goes on, even if the backup
    does not end. Raises StorageUnavailable where the place does not answer, StorageFull.
    """
    ordered = sorted(names)
    begin = bisect_right(ordered, store.checked_to()) % max(1, len(ordered))
    count = min(len(ordered), max(LEAST_PIECES, -(-len(ordered) // LEAST_SHARE)))
    chosen = (ordered[begin:] + ordered[:begin])[:count]
    damaged: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backup-check") as pool:
        remaining = iter(chosen)
        # Few at a time, for each is in memory meanwhile.
        while some := tuple(islice(remaining, _AT_ONCE)):
            damaged += _damaged(store, pool, some)
    if chosen:
        store.note_checked_to(chosen[-1])
    return PieceCheck(len(chosen), len(ordered), tuple(damaged))


def _damaged(store: BackupStore, pool: ThreadPoolExecutor, names: tuple[str, ...]) -> Iterator[str]:
    answers = pool.map(lambda name: _is_right(store, name), names)
    for name, is_right in zip(names, answers, strict=True):
        if is_right:
            store.trust(name)
        else:
            store.distrust(name)
            yield name


def _is_right(store: BackupStore, name: str) -> bool:
    try:
        store.piece(name)
    except BackupDamaged:
        return False
    return True
