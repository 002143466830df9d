"""Put a new SQLite file in the place of a damaged one; a crash in between loses neither."""

from pathlib import Path

from sqlalchemy import make_url

from storage.core.clock import utcnow
from storage.settings import Settings
from storage.volumes.durable_names import sync_file, sync_folder

_READY = ".repaired"
# The old file goes first: from then on the new one counts, and `finish` does the rest.
_MOVED = ("", "-wal", "-shm")


def index_path(settings: Settings) -> Path | None:
    """SQLite's file; None with another database."""
    url = make_url(settings.resolved_database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def replace(path: Path, new: Path) -> list[Path]:
    """Let `new` be the database at `path`; where the files of the old one are kept.

    `new` is whole and closed, and has no write-ahead log.
    """
    ready = path.with_name(path.name + _READY)
    sync_file(new)
    new.rename(ready)
    sync_folder(path.parent)
    kept = _set_aside(path)
    ready.rename(path)
    sync_folder(path.parent)
    return kept


def finish(settings: Settings) -> bool:
    """Go on with a replacement that a crash interrupted, before the database is opened.

    False where there was none.
    """
    path = index_path(settings)
    if path is None or path.exists():
        return False
    ready = path.with_name(path.name + _READY)
    if not ready.exists():
        return False
    # What is left of the old one's changes, which SQLite would take for changes of the new one.
    _set_aside(path)
    ready.rename(path)
    sync_folder(path.parent)
    return True


def _set_aside(path: Path) -> list[Path]:
    stamp = f"{utcnow():%Y%m%dT%H%M%S}"
    kept = []
    for suffix in _MOVED:
        old = path.with_name(path.name + suffix)
        if old.exists():
            kept.append(old.rename(path.with_name(f"{path.name}.damaged-{stamp}{suffix}")))
            sync_folder(path.parent)
    return kept
