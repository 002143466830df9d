"""Waiting for what is committed, so that who has nothing to do need not look again and again."""

import math
import os
import select
import time
from pathlib import Path

import inotify_simple
from sqlalchemy import Engine


class CommitWatch:
    """Says when it is time to look for work that lies in the database, of any process.

    A commit is seen at once. From then on it is time every `busy_s`, until nothing was committed
    for `settle_s`: the first look may come before the commit can be read, and work may wait for
    its time. Without commits it is time every `idle_s`.

    SQLite's write-ahead log is watched. On PostgreSQL, and where the system has no watch left,
    commits are not seen, and it is always time every `busy_s`. Waited on by one
    thread; `stop` may be called by any.
    """

    def __init__(self, engine: Engine, *, busy_s: float, settle_s: float, idle_s: float) -> None:
        database = engine.url.database if engine.dialect.name == "sqlite" else None
        self._log = Path(f"{database}-wal") if database else None
        self._busy_s = busy_s
        self._settle_s = settle_s
        self._idle_s = idle_s
        self._stopped: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._watch: inotify_simple.INotify | None = None
        self._watched: tuple[int, int] | None = None
        self._looked_s = -math.inf
        # What was committed before it began was seen by nobody.
        self._busy_until_s = time.monotonic() + settle_s

    def wait(self, at_most_s: float = math.inf) -> bool:
        """Block until it is time to look; False where `at_most_s` are over, or after `stop`."""
        until_s = time.monotonic() + at_most_s
        sees_commits = self._sees_commits()
        while True:
            if sees_commits and self._drain():
                self.stay_busy()
            now_s = time.monotonic()
            is_busy = not sees_commits or now_s < self._busy_until_s
            due_s = self._looked_s + (self._busy_s if is_busy else self._idle_s)
            wait_s = max(0.0, min(due_s, until_s) - now_s)
            # While it is busy, commits are many, and none makes it look sooner.
            if self._pause(wait_s, for_commits=not is_busy):
                return False
            now_s = time.monotonic()
            if now_s >= due_s:
                self._looked_s = now_s
                return True
            if now_s >= until_s:
                return False

    def stay_busy(self) -> None:
        """As after a commit: something is left to do that no commit will tell of."""
        self._busy_until_s = time.monotonic() + self._settle_s

    def stop(self) -> None:
        """End the wait of now, and each one to come."""
        if self._stopped is not None:
            os.eventfd_write(self._stopped, 1)

    def close(self) -> None:
        """Once nobody waits any more; a wait would end at once."""
        self._forget()
        if self._stopped is not None:
            os.close(self._stopped)
            self._stopped = None

    def _pause(self, wait_s: float, *, for_commits: bool) -> bool:
        """Whether it was stopped."""
        if self._stopped is None:
            return True
        poll = select.poll()
        poll.register(self._stopped, select.POLLIN)
        if for_commits and self._watch is not None:
            poll.register(self._watch.fileno(), select.POLLIN)
        timeout_ms = None if math.isinf(wait_s) else math.ceil(wait_s * 1000)
        return any(fd == self._stopped for fd, _ in poll.poll(timeout_ms))

    def _drain(self) -> bool:
        events = [] if self._watch is None else self._watch.read(timeout=0)
        if any(event.mask & inotify_simple.flags.IGNORED for event in events):
            # The log is gone; one made since may have its inode, and is watched by nobody.
            self._forget()
        return bool(events)

    def _sees_commits(self) -> bool:
        """Whether the log is watched; it is another file after all have closed the database."""
        if self._log is None:
            return False
        try:
            found = self._log.stat()
            if self._watched != (found.st_dev, found.st_ino):
                self._forget()
                self._watch = inotify_simple.INotify(nonblocking=True)
                self._watch.add_watch(self._log, inotify_simple.flags.MODIFY)
                self._watched = found.st_dev, found.st_ino
                # What came in between.
                self.stay_busy()
        except OSError:
            self._forget()
            return False
        return True

    def _forget(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = self._watched = None
