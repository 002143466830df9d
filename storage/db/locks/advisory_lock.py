"""One at a time, across processes: a lock that a dead holder cannot keep."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

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
            _unlock(session, values)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


@contextmanager
def only_one(engine: Engine, path: Path, number: int) -> Iterator[bool]:
    """Whether this caller is the only one in the block; it ends with the block.

    The lock of the file at `path` keeps out the processes of this machine;
    PostgreSQL's advisory lock of that `number` those of others. Both end with
    their process. Raises StorageUnavailable.
    """
    with lock_of_one(engine, path, number) as lock:
        yield lock is not None


@dataclass(frozen=True)
class Lock:
    """What its holder has. `session`: that of PostgreSQL, outside of any transaction."""

    session: Connection | None

    def is_still_held(self) -> bool:
        """A server that was started again, or another one in its place, knows of no lock."""
        if self.session is None:
            return True
        try:
            self.session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


@contextmanager
def lock_of_one(engine: Engine, path: Path, number: int) -> Iterator[Lock | None]:
    """The lock of `only_one`; None where another has it. Raises StorageUnavailable."""
    with translated_os_errors(path.parent):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with translated_os_errors(path.parent):
            give_to_owner(fd, path.parent)
            is_free = _is_free(fd)
        if not is_free:
            yield None
            return
        if engine.dialect.name != "postgresql":
            yield Lock(None)
            return
        with translated(), engine.connect() as connection:
            session = connection.execution_options(isolation_level="AUTOCOMMIT")
            values = {"number": number}
            taking = text("SELECT pg_try_advisory_lock(:number)")
            if not session.execute(taking, values).scalar():
                yield None
                return
            try:
                yield Lock(session)
            finally:
                _unlock(session, values)
    finally:
        os.close(fd)


def _is_free(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(session: Connection, values: dict[str, int]) -> None:
    try:
        session.execute(text("SELECT pg_advisory_unlock(:number)"), values)
    except SQLAlchemyError:
        # Ended and not pooled: a session that lives on would keep the lock.
        session.invalidate()
        raise
