"""One at a time, across processes: a lock that a dead holder cannot keep."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from storage.database import translated
from storage.volume_files import translated_os_errors

_HOUSEKEEPING_LOCK = 0x6D766873


@contextmanager
def housekeeping_lock(engine: Engine, data_dir: Path) -> Iterator[bool]:
    """Whether this caller may do the housekeeping now; the lock ends with the block.

    A file's lock keeps out the processes of this machine; PostgreSQL's those of
    others. Both end with their process. Raises StorageUnavailable.
    """
    with translated_os_errors(data_dir):
        fd = os.open(data_dir / "housekeeping.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
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
            number = {"number": _HOUSEKEEPING_LOCK}
            got = session.execute(text("SELECT pg_try_advisory_lock(:number)"), number).scalar()
            try:
                yield bool(got)
            finally:
                if got:
                    session.execute(text("SELECT pg_advisory_unlock(:number)"), number)
    finally:
        os.close(fd)
