"""What each process that works on jobs is at, in memory that it shares with its parent.

A computation that does not return asks nobody whether it may go on. The parent of the pool reads
here which job a process has, until when, and ends the process (`inference.worker.job_watch`); its
successor reads which job that was, and ends the job with the reason.
"""

import json
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import structlog

log = structlog.get_logger(__name__)

Kind = Literal["job", "answer", "shadow"]
Reason = Literal["", "deadline", "memory"]

_ENTRIES = 64
_ENTRY_BYTES = 2048
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


class RunningJobs:
    """A table of entries, made before the pool forks.

    Those of jobs are written by their processes; those of jobs whose process was ended by the
    parent. Each has a version, odd while it is being written, so that nobody takes half of one
    for a whole.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _ENTRIES * _ENTRY_BYTES)
        self._begins = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._mine: int | None = None
        # Between the thread that works and the one that renews its lease.
        self._changing = threading.Lock()

    @property
    def begins(self) -> int:
        """A descriptor that can be read from when a job began."""
        return self._begins

    def entries(self) -> Iterator[tuple[int, Running]]:
        for index in range(_ENTRIES):
            found = self._read(index)
            if found is not None:
                yield index, found

    def write(self, index: int, running: Running | None) -> None:
        text = b"" if running is None else json.dumps(asdict(running)).encode()
        at = index * _ENTRY_BYTES
        version = self._shared[at] | 1
        self._shared[at] = version
        self._shared[at + 1 : at + 3 + len(text)] = len(text).to_bytes(2) + text
        self._shared[at] = (version + 1) % 256

    def _read(self, index: int) -> Running | None:
        at = index * _ENTRY_BYTES
        before = self._shared[at]
        length = int.from_bytes(self._shared[at + 1 : at + 3])
        text = self._shared[at + 3 : at + 3 + length]
        if not length or before & 1 or self._shared[at] != before:
            return None
        return Running(**json.loads(text))

    def begin(self, running: Running) -> None:
        self._mine = self.add(running)
        os.eventfd_write(self._begins, 1)

    def add(self, running: Running) -> int | None:
        """Its number; None, and it is not watched, where all entries are in use."""
        index = self._free()
        if index is None:
            log.warning("job_not_watched", job_id=running.job_id)
            return None
        self.write(index, running)
        return index

    def change(self, **values: Any) -> None:
        with self._changing:
            found = None if self._mine is None else self._read(self._mine)
            if found is not None and self._mine is not None:
                self.write(self._mine, replace(found, **values))

    def end(self) -> None:
        with self._changing:
            if self._mine is not None:
                self.write(self._mine, None)
                self._mine = None

    def _free(self) -> int | None:
        """By the process id first, so that processes that begin at once differ."""
        start = os.getpid()
        for step in range(_ENTRIES):
            at = (start + step) % _ENTRIES * _ENTRY_BYTES
            if not self._shared[at] & 1 and not any(self._shared[at + 1 : at + 3]):
                return at // _ENTRY_BYTES
        return None


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


def anonymous_memory_bytes(pid: int) -> int:
    """What a process has in memory and nobody else does, without files; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)
