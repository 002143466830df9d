"""What each process that works on jobs is at, in memory that it shares with its parent.

A computation that does not return asks nobody whether it may go on. The parent of the pool reads
here which job a process has, until when, and ends the process (`inference.worker.job_watch`); its
successor reads which job that was, and ends the job with the reason.
"""

import fcntl
import json
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import structlog

from inference.machine_memory import job_memory_bytes
from storage.processes.descendants import end_adopted

log = structlog.get_logger(__name__)

Kind = Literal["job", "answer", "shadow", "early"]
Reason = Literal["", "deadline", "memory"]

# What a job found is written within this, or whatever it is written to hangs.
STORING_S = 300.0

_ENTRIES = 64
# Of each of an entry's two texts, with its length.
_TEXT_BYTES = 2048
_ENTRY_BYTES = 1 + 2 * _TEXT_BYTES
_TITLE_CHARACTERS = 120


@dataclass(frozen=True)
class Running:
    """One job in one process. Times are those of the machine's monotonic clock, in seconds."""

    pid: int
    kind: Kind
    job_id: str
    owner: str
    title: str
    """The pipeline or the kind of answer, with its version."""
    begun_s: float
    deadline_s: float
    lost_s: float = 0.0
    """Since when the job is not its owner's any more: it was cancelled, or another has it."""
    is_storing: bool = False
    """What it found is being written: this ends by itself, and is not cut off."""
    ended_because: Reason = ""
    """Why the parent ended the process; empty while it works."""
    limit_bytes: int = 0
    earlier_bytes: int = 0
    """What the process had in memory from earlier jobs when this one began: models, leaks."""
    is_tried_again: bool = False
    """Its process took too much memory, but a new one, without `earlier_bytes`, may not."""

    def is_same(self, other: "Running | None") -> bool:
        """Whether both are of the same attempt at a job, however far it is."""
        return other is not None and self._attempt() == other._attempt()

    def _attempt(self) -> tuple[int, str, float, Reason]:
        return self.pid, self.job_id, self.begun_s, self.ended_because


class RunningJobs:
    """A table of entries, made before the pool forks.

    Each process has one entry, locked for as long as the process lives, and notes its jobs in it.
    The parent writes those of processes that it ends into others, until a successor has read them.
    Nobody waits for a lock: a process may hang at any point.

    Each entry has two texts and says which of them counts, so that nobody takes half of one for a
    whole, and that a process which ends while it writes leaves what was there.
    """

    def __init__(self) -> None:
        # Locks of fcntl are a process's own, and end with it; a fork does not inherit them.
        self._file = os.memfd_create("running-jobs", os.MFD_CLOEXEC)
        os.ftruncate(self._file, _ENTRIES * _ENTRY_BYTES)
        self._shared = mmap.mmap(self._file, _ENTRIES * _ENTRY_BYTES)
        self._begins = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._own: int | None = None
        # What the process had in memory when its first job began.
        self._first_bytes: int | None = None
        # Between the thread that works and the others of its process.
        self._changing = threading.Lock()

    @property
    def begins(self) -> int:
        """A descriptor that can be read from when a job began."""
        return self._begins

    def entries(self) -> Iterator[tuple[int, Running]]:
        for index in range(_ENTRIES):
            found = self.read(index)
            if found is not None:
                yield index, found

    def read(self, index: int) -> Running | None:
        at = index * _ENTRY_BYTES
        while True:
            count = self._shared[at]
            start = at + 1 + count % 2 * _TEXT_BYTES
            length = int.from_bytes(self._shared[start : start + 2])
            text = self._shared[start + 2 : start + 2 + length]
            if self._shared[at] == count:
                return Running(**json.loads(text)) if length else None

    def add(self, running: Running) -> int | None:
        """Its number; None, and it is not watched, where all entries are in use."""
        with self._changing:
            index = self._take()
            if index is None:
                log.warning("job_not_watched", job_id=running.job_id)
                return None
            self._write(index, running)
            self._unlock(index)
            return index

    def remove(self, index: int, running: Running) -> None:
        """Unless the entry is another job's by now, or is being written."""
        with self._changing:
            if index != self._own and self._lock(index):
                if running.is_same(self.read(index)):
                    self._write(index, None)
                self._unlock(index)

    def begin(self, running: Running) -> None:
        used_bytes = job_memory_bytes(running.pid)
        with self._changing:
            if self._first_bytes is None:
                self._first_bytes = used_bytes
            if self._own is None:
                self._own = self._take()
            if self._own is None:
                log.warning("job_not_watched", job_id=running.job_id)
                return
            earlier_bytes = max(used_bytes - self._first_bytes, 0)
            self._write(self._own, replace(running, earlier_bytes=earlier_bytes))
        os.eventfd_write(self._begins, 1)

    def change(self, **values: Any) -> None:
        with self._changing:
            found = None if self._own is None else self.read(self._own)
            if found is not None and self._own is not None:
                self._write(self._own, replace(found, **values))

    def end(self) -> None:
        with self._changing:
            if self._own is not None:
                self._write(self._own, None)

    def _write(self, index: int, running: Running | None) -> None:
        """Into an entry that this process has locked."""
        text = b"" if running is None else json.dumps(asdict(running)).encode()
        at = index * _ENTRY_BYTES
        count = self._shared[at] + 1
        start = at + 1 + count % 2 * _TEXT_BYTES
        self._shared[start : start + 2 + len(text)] = len(text).to_bytes(2) + text
        self._shared[at] = count % 256

    def _take(self) -> int | None:
        """Lock one that is free. Of a process without a job, the lock says that it is not."""
        for index in range(_ENTRIES):
            if index != self._own and self._lock(index):
                if self.read(index) is None:
                    return index
                self._unlock(index)
        return None

    def _lock(self, index: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, index)
        except OSError:
            return False
        return True

    def _unlock(self, index: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, index)


_watched: RunningJobs | None = None


def watched_by(table: RunningJobs | None) -> None:
    """Have what runs in this process noted in `table`; in a process without one nothing is."""
    global _watched  # noqa: PLW0603 - one of a process, as its models are
    _watched = table


@contextmanager
def noted(kind: Kind, job_id: str, owner: str, title: str, deadline_s: float) -> Iterator[None]:
    """While the block runs, the parent knows of the job."""
    table = _watched
    if table is None:
        yield
        return
    # An entry has room for names of any usual length.
    title = title[:_TITLE_CHARACTERS]
    table.begin(Running(os.getpid(), kind, job_id, owner, title, time.monotonic(), deadline_s))
    try:
        yield
    finally:
        # What a model started does not outlast its job.
        end_adopted()
        table.end()


def note_deadline(deadline_s: float) -> None:
    if _watched is not None:
        _watched.change(deadline_s=deadline_s)


def note_lost() -> None:
    """The job was cancelled, or is another's; asked by the thread that renews its lease."""
    if _watched is not None:
        _watched.change(lost_s=time.monotonic())


def note_storing() -> None:
    if _watched is not None:
        _watched.change(is_storing=True)
