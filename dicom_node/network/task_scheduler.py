"""Tasks that take turns in one thread: each runs until it has to wait.

It waits for bytes, for room to send, or for the group commit (`storage.ingest.group_commit`). The
code that waits is the same as in a thread of its own; here it runs in a greenlet. What was staged
meanwhile is committed together, as soon as no task has anything else to do.
"""

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, field

import structlog
from greenlet import getcurrent, greenlet

from storage.ingest.cooperative_wait import PendingCommit

log = structlog.get_logger(__name__)

# How often time limits are looked at.
_TICK_S = 0.25
# A task that goes on for longer without a wait keeps the others from their turn.
_LONGEST_TURN_S = 0.2
# What waits to be committed waits no longer, whatever else there is to do.
_MOST_ROUNDS = 4


@dataclass(eq=False)
class Task:
    """Work that another thread has submitted, which waits until it has ended."""

    work: Callable[[], None]
    context: Context
    is_slow: bool = False
    """Whether it kept the others pending."""
    error: BaseException | None = None
    has_ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - raised where the work came from
            self.error = error


class _Run(greenlet):
    """A task under way; switching to it says whether what it waited for came."""

    def __init__(self, task: Task) -> None:
        super().__init__(lambda _: task.run())
        self.gr_context = task.context
        self.task = task
        self.until_s = 0.0
        self.watched: set[int] = set()


class TaskScheduler:
    """The tasks of one thread, which is the one that makes it and calls `serve`."""

    def __init__(self, take: Callable[[], Iterable[Task]], wake_fd: int) -> None:
        """`take` is asked for new tasks whenever `wake_fd` (an eventfd) was written to."""
        self._take = take
        self._wake_fd = wake_fd
        self._hub = getcurrent()
        self._epoll = select.epoll()
        self._epoll.register(wake_fd, select.EPOLLIN)
        self._ready: deque[tuple[_Run, bool]] = deque()
        self._watched: dict[int, int] = {}
        self._paused: dict[int, _Run] = {}
        self._pending_commits: list[tuple[_Run, PendingCommit]] = []
        self._rounds = 0
        self._next_look_s = 0.0

    def serve(self, until: Callable[[], bool]) -> None:
        """Let all take turns until nothing is left to do and `until` says that no more comes."""
        with contextlib.closing(self._epoll):
            while True:
                self._go_on()
                if self._pending_commits and (not self._ready or self._rounds >= _MOST_ROUNDS):
                    self._commit()
                self._rounds += 1
                if not self._has_work and until():
                    return
                self._listen()

    # What tasks call

    def current(self) -> _Run:
        run = getcurrent()
        if not isinstance(run, _Run):
            raise RuntimeError("only tasks of this thread can wait here")
        return run

    def wait_for(self, sock: socket.socket, event: int, timeout_s: float) -> bool:
        """Whether the event of `select.epoll` came in time."""
        run = self.current()
        fd = sock.fileno()
        if self._watched.get(fd) != event:
            watch = self._epoll.modify if fd in self._watched else self._epoll.register
            # By edges: who waits has found nothing, and what comes then is signalled once.
            watch(fd, event | select.EPOLLET)
            self._watched[fd] = event
            run.watched.add(fd)
        run.until_s = time.monotonic() + timeout_s
        self._paused[fd] = run
        return self._pause()

    def yield_to_others(self) -> None:
        self._ready.append((self.current(), True))
        self._pause()

    def wait_until_done(self, pending: PendingCommit) -> None:
        if not self._pending_commits:
            self._rounds = 0
        self._pending_commits.append((self.current(), pending))
        self._pause()

    # What the thread does between them

    @property
    def _has_work(self) -> bool:
        return bool(self._ready or self._paused or self._pending_commits)

    def _pause(self) -> bool:
        return bool(self._hub.switch())

    def _go_on(self) -> None:
        """Everybody who can, once."""
        for _ in range(len(self._ready)):
            run, came = self._ready.popleft()
            started = time.monotonic()
            run.switch(came)
            if time.monotonic() - started > _LONGEST_TURN_S:
                run.task.is_slow = True
            if run.dead:
                self._forget(run)

    def _forget(self, run: _Run) -> None:
        for fd in run.watched:
            self._watched.pop(fd, None)
            # One that was closed is not watched any more.
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)
        run.task.has_ended.set()

    def _commit(self) -> None:
        """What waits, if it is for this thread to lead; and those that are settled can go on."""
        leader = next((pending for _, pending in self._pending_commits if pending.is_leader), None)
        if leader is not None and not leader.is_done:
            try:
                leader.lead()
            except Exception:
                # All that wait are answered that nothing was stored; the thread goes on.
                log.error("group_commit_failed", exc_info=True)
        still = []
        for run, pending in self._pending_commits:
            if pending.is_done:
                self._ready.append((run, True))
            else:
                still.append((run, pending))
        self._pending_commits = still
        self._rounds = 0

    def _listen(self) -> None:
        is_led_here = any(pending.is_leader for _, pending in self._pending_commits)
        timeout_s: float | None = _TICK_S if self._has_work else None
        if self._ready or is_led_here:
            timeout_s = 0
        for fd, _ in self._epoll.poll(timeout_s):
            if fd == self._wake_fd:
                os.eventfd_read(fd)
                self._ready += [(_Run(task), True) for task in self._take()]
            elif fd in self._paused:
                self._ready.append((self._paused.pop(fd), True))
        now = time.monotonic()
        if now >= self._next_look_s:
            self._next_look_s = now + _TICK_S
            for fd in [fd for fd, run in self._paused.items() if run.until_s <= now]:
                self._ready.append((self._paused.pop(fd), False))
