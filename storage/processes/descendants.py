"""What a process started ends with it, wherever it went.

A program may put a child into a session of its own and end the process between them: neither a
group nor a parent leads to it then. Orphans go to the nearest ancestor that adopts them
(prctl(2), PR_SET_CHILD_SUBREAPER), where they are found by their parents in /proc.
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

_PR_SET_CHILD_SUBREAPER = 36
# A program that starts others without end is stopped within some rounds; nobody waits longer.
_END_S = 10.0
_ROUND_S = 0.01


class Started(NamedTuple):
    """A process: its number may be another's by now, which did not begin at the same time."""

    pid: int
    parent: int
    is_zombie: bool
    begun_ticks: int


class _Own:
    """Children of this process that belong to it and not to a model that it runs."""

    def __init__(self) -> None:
        self.adopts_since = 0
        self.pids: set[int] = set()


_own = _Own()


def adopt_orphans() -> None:
    """Become the parent of what the processes below this one leave behind."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def begin_adopting() -> None:
    """`adopt_orphans` in a process that starts nothing from now on but what it gives to `own`, so
    that `end_adopted` may end whatever else it finds below it. What it has by now stays."""
    adopt_orphans()
    _own.adopts_since = os.getpid()
    _own.pids = set(children_of(os.getpid()))


def end_adopting() -> None:
    """`end_adopted` for the last time."""
    end_adopted()
    _own.adopts_since = 0


def children_of(pid: int) -> frozenset[int]:
    return frozenset(one.pid for one in _processes() if one.parent == pid)


def below(pid: int) -> frozenset[int]:
    """All that run below a process."""
    return frozenset(one.pid for one in _below(pid, frozenset(), and_itself=False))


def own(pid: int) -> None:
    """A child that goes on between jobs: `end_adopted` leaves it, and all below it, alone."""
    _own.pids.add(pid)


def disown(pid: int) -> None:
    """It has ended."""
    _own.pids.discard(pid)


def end_adopted() -> None:
    """End what is below this process and not its own, where it has begun to adopt orphans."""
    # A process that was forked meanwhile has children of its own.
    if _own.adopts_since == os.getpid():
        end_below(os.getpid(), spared=frozenset(_own.pids))


def end_tree(pid: int) -> None:
    """End a child, and everything below it."""
    end_below(pid, and_itself=True)


def end_below(pid: int, *, spared: frozenset[int] = frozenset(), and_itself: bool = False) -> None:
    """End everything below a process: first stopped, so that none starts another meanwhile.

    `spared`: children that stay, with all below them. Nothing is raised; what does not end within
    some seconds is logged.
    """
    until_s = time.monotonic() + _END_S
    stopped: set[Started] = set()
    while True:
        found = set(_below(pid, spared, and_itself=and_itself))
        # The end of the process itself is for who waits for it.
        _reap(one for one in found if one.pid != pid)
        living = {one for one in found if not one.is_zombie}
        if not living:
            return
        fresh = living - stopped
        if fresh and time.monotonic() < until_s:
            for one in fresh:
                _send(one, signal.SIGSTOP)
            stopped |= fresh
            continue
        for one in living:
            _send(one, signal.SIGKILL)
        if time.monotonic() >= until_s + _END_S:
            log.error("processes_not_ended", below=pid, number=len(living))
            return
        time.sleep(_ROUND_S)


def _below(pid: int, spared: frozenset[int], *, and_itself: bool) -> Iterator[Started]:
    children: dict[int, list[Started]] = {}
    itself = None
    for one in _processes():
        children.setdefault(one.parent, []).append(one)
        if one.pid == pid:
            itself = one
    if and_itself and itself is not None:
        yield itself
    waiting = [pid]
    while waiting:
        for one in children.get(waiting.pop(), ()):
            if one.pid in spared:
                continue
            yield one
            waiting.append(one.pid)


def _processes() -> Iterator[Started]:
    with os.scandir("/proc") as entries:
        names = [entry.name for entry in entries if entry.name.isdecimal()]
    for name in names:
        found = _read(int(name))
        if found is not None:
            yield found


def _read(pid: int) -> Started | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name before it may have spaces and brackets of its own (proc(5)).
    values = text.rpartition(b")")[2].split()
    return Started(pid, int(values[1]), values[0] in (b"Z", b"X"), int(values[19]))


def _send(one: Started, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(one.pid)
        try:
            now = _read(one.pid)
            if now is not None and now.begun_ticks == one.begun_ticks:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _reap(found: Iterable[Started]) -> None:
    """Take note of the end of those that are this process's children by now."""
    for one in found:
        if one.is_zombie and one.parent == os.getpid():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one.pid, os.WNOHANG)
