"""One process at a time removes studies by rule."""

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Engine

from storage.db.locks.advisory_lock import only_one

_RETENTION_LOCK = 0x6D767274


def retention_lock(engine: Engine, data_dir: Path) -> AbstractContextManager[bool]:
    """Whether this caller may do it now, within the block. Raises StorageUnavailable."""
    return only_one(engine, data_dir / "retention.lock", _RETENTION_LOCK)
