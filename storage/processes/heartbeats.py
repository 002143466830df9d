"""Signs of life of the node's processes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.core.errors import StorageUnavailable
from storage.db.engine import insert_or_update, reading, writing

BEAT_EVERY_S = 5.0
"""How often each process says that it lives."""
HANDLED = "tick"
"""The name under which the control worker says that it handled a tick of the clock."""

_ALIVE_WITHIN = timedelta(seconds=CLOCKS_AGREE_WITHIN_S)
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class Heartbeats:
    """In a `folder`, where all processes of a node share a machine: the time of a file costs
    neither a transaction nor a commit, which would wake those who wait for work
    (`storage.db.due.commit_watch`). Else in the database.
    """

    def __init__(self, engine: Engine, folder: Path | None = None) -> None:
        self._engine = engine
        self._folder = folder

    def beat(self, name: str, now: datetime) -> None:
        """Raises StorageUnavailable."""
        if self._folder is not None:
            self._touch(self._folder / name, (now - _EPOCH) // _MICROSECOND * 1000)
            return
        with writing(self._engine) as connection:
            insert_or_update(connection, t.heartbeat, [{"name": name, "at": now}], ["name"])

    def last(self, name: str) -> datetime | None:
        """When the process last reported that it lives; None when it never did."""
        if self._folder is not None:
            try:
                at_ns = (self._folder / name).stat().st_mtime_ns
            except OSError:
                return None
            return _EPOCH + at_ns // 1000 * _MICROSECOND
        with reading(self._engine) as connection:
            return connection.execute(
                select(t.heartbeat.c.at).where(t.heartbeat.c.name == name)
            ).scalar()

    def is_alive(self, name: str, now: datetime) -> bool:
        """Whether a process gave a sign of life within the last half minute.

        One of the future is none: the clock was set back since, or it is another machine's.
        """
        last = self.last(name)
        return last is not None and abs(now - last) < _ALIVE_WITHIN

    @staticmethod
    def _touch(path: Path, at_ns: int) -> None:
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.utime(file, ns=(at_ns, at_ns))
                if path.name == HANDLED:
                    # What tells after a failure of power that the clock was set back.
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise StorageUnavailable(
                f"{path} cannot be written: {error.strerror or error}.",
                remedy="Check that the disk is mounted and writable; the node goes on by itself.",
            ) from error
