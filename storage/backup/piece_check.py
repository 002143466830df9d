"""Reads pieces again that earlier backups left: a medium may have changed them since."""

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
    """Names of pieces that are not what was written."""
    last: str
    """Where the next check goes on."""


def check_pieces(store: BackupStore, names: set[str]) -> PieceCheck:
    """Decrypt the next share of all pieces, in the order of their names, and compare their digests.

    Raises StorageUnavailable.
    """
    ordered = sorted(names)
    begin = next((at for at, name in enumerate(ordered) if name > store.checked_to()), 0)
    count = min(len(ordered), max(LEAST_PIECES, -(-len(ordered) // LEAST_SHARE)))
    chosen = (ordered[begin:] + ordered[:begin])[:count]
    damaged: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backup-check") as pool:
        remaining = iter(chosen)
        # Few at a time, for each is in memory meanwhile.
        while some := tuple(islice(remaining, _AT_ONCE)):
            damaged += _damaged(store, pool, some)
    return PieceCheck(len(chosen), len(ordered), tuple(damaged), chosen[-1] if chosen else "")


def _damaged(store: BackupStore, pool: ThreadPoolExecutor, names: tuple[str, ...]) -> Iterator[str]:
    answers = pool.map(lambda name: _is_right(store, name), names)
    yield from (name for name, is_right in zip(names, answers, strict=True) if not is_right)


def _is_right(store: BackupStore, name: str) -> bool:
    try:
        store.piece(name)
    except BackupDamaged:
        return False
    return True
