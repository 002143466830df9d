"""One at a time, across processes: a lock that a dead holder cannot keep."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from storage.core.data_folder.file_owner import give_to_owner
from storage.core.errors import StorageUnavailable
from storage.db.engine import translated
from storage.volumes.files import translated_os_errors

_HOUSEKEEPING_LOCK = 0x6D766873
_OBJECT_WITHIN_S = 60.0
_LOOKED_EVERY_S = 0.05


def housekeeping_lock(
    engine: Engine, data_dir: Path, host: str = ""
) -> AbstractContextManager[bool]:
    """Whether this caller may do the housekeeping now; the lock ends with the block.

    Of the folder of one `host`, where hosts have disks of their own. Raises StorageUnavailable.
    """
    number = int(host, 16) << 32 | _HOUSEKEEPING_LOCK if host else _HOUSEKEEPING_LOCK
    return only_one(engine, data_dir / "housekeeping.lock", _signed(number))


def group_lock(engine: Engine, data_dir: Path) -> AbstractContextManager[bool]:
    """The same, of what all hosts have together."""
    return only_one(engine, data_dir / "group.lock", _HOUSEKEEPING_LOCK)


@contextmanager
def object_lock(engine: Engine, key: str) -> Iterator[Connection]:
    """Wait until no other host writes or removes that object. On PostgreSQL alone.

    Yields the connection that has the lock, each statement of which is a transaction. Raises
    StorageUnavailable, also where it takes too long: a host that lost its network keeps its locks
    until the server finds out.
    """
    digest = hashlib.sha256(key.encode()).digest()[:8]
    values = {"number": int.from_bytes(digest, signed=True)}
    until_s = time.monotonic() + _OBJECT_WITHIN_S
    with translated(), engine.connect() as connection:
        session = connection.execution_options(isolation_level="AUTOCOMMIT")
        taking = text("SELECT pg_try_advisory_lock(:number)")
        while not session.execute(taking, values).scalar():
            if time.monotonic() > until_s:
                raise StorageUnavailable(
                    f"Another host has been writing an object for {_OBJECT_WITHIN_S:g} s.",
                    remedy="Look at the other hosts; the node tries again by itself.",
                )
            time.sleep(_LOOKED_EVERY_S)
        try:
            yield session
        finally:
            session.execute(text("SELECT pg_advisory_unlock(:number)"), values)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


@contextmanager
def only_one(engine: Engine, path: Path, number: int) -> Iterator[bool]:
    """Whether this caller is the only one in the block; it ends with the block.

    The lock of the file at `path` keeps out the processes of this machine;
    PostgreSQL's advisory lock of that `number` those of others. Both end with
    their process. Raises StorageUnavailable.
    """
    with translated_os_errors(path.parent):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner(fd, path.parent)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if engine.dialect.name != "postgresql":
            yield True
            return
        with translated(), engine.connect() as connection:
            # Held by the session, outside of any transaction.
            session = connection.execution_options(isolation_level="AUTOCOMMIT")
            values = {"number": number}
            got = session.execute(text("SELECT pg_try_advisory_lock(:number)"), values).scalar()
            try:
                yield bool(got)
            finally:
                if got:
                    session.execute(text("SELECT pg_advisory_unlock(:number)"), values)
    finally:
        os.close(fd)
