"""Several processes that serve from one listening socket, kept alive by the one that made them.

They are forked once everything is imported, so they share the memory of the
code, and one that crashed is there again within a moment.
"""

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import setproctitle
import structlog

from storage.core.errors import MediViewError
from storage.processes.backoff import Backoff
from storage.processes.parent_watch import ParentGone, end_with
from storage.processes.stop_requests import StopRequests, stop_signals

log = structlog.get_logger(__name__)

_BACKOFF_FIRST_S = 0.25


def fork(title: str, work: Callable[[], int]) -> int:
    """The pid of a child that does `work`, ends with its status, and ends with this process.

    Call it in the main thread of a process without other threads: they would not exist in
    the child. `title` is what `ps` shows. What may not begin is logged and is status 1.
    """
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python forgets in a child what signals came before its first line
    # (PyOS_AfterFork_Child); one that is blocked waits until it is let through.
    let_through = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, let_through)
        return pid
    # From here on in the child, which must never return into its parent's code.
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (*stop_signals(), signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, let_through)
        end_with(parent)
        setproctitle.setproctitle(title)
        status = work()
    except ParentGone:
        pass
    except MediViewError as error:
        log.error("process_failed", process=title, code=error.code, detail=error.message)
    except Exception:
        # The edge of a process.
        log.error("process_failed", process=title, exc_info=True)
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def done_apart(title: str, work: Callable[[], object]) -> bool:
    """Whether a child could do it, which ends with it and gives back what memory that took:
    whatever is forked later would have it. Where it could not, do it here, to raise why.

    Call it where `fork` may be called; `work` opens what it uses.
    """

    def attempt() -> int:
        try:
            work()
        except Exception:  # noqa: BLE001 - the edge of a process: raised again, in its parent
            return 1
        return 0

    _, status = os.waitpid(fork(title, attempt), 0)
    return status == 0


@dataclass
class _Child:
    number: int
    pid: int = 0
    backoff: Backoff = field(default_factory=lambda: Backoff(_BACKOFF_FIRST_S))


class Processes:
    """Runs `work(number)`, numbers from 1, in `count` processes until it is asked to end.

    The first SIGTERM, SIGINT or SIGHUP is passed on to all as SIGTERM, which have
    `grace_s` to end; what is left then, or at a second signal, is killed. `work`
    installs its own handlers and returns an exit status; `on_stop` runs in the
    parent before the others are asked; `asked` holds the signals of before. `role`
    names them in the log. Call `run` in the main thread of a process without other
    threads: they would not exist in a child.
    """

    def __init__(
        self,
        role: str,
        count: int,
        work: Callable[[int], int],
        *,
        grace_s: float = 8.0,
        on_stop: Callable[[], None] = lambda: None,
        asked: StopRequests | None = None,
    ) -> None:
        self._role = role
        self._children = [_Child(number) for number in range(1, count + 1)]
        self._work = work
        self._grace_s = grace_s
        self._on_stop = on_stop
        self._asked = asked or StopRequests()

    def run(self) -> int:
        """Block until asked to end; 0 when every process ended by itself within its time."""
        with self._asked.counting_signals(), self._asked.woken_by(signal.SIGCHLD):
            # What lives now is never collected in a child, whose pages thereby stay shared.
            gc.collect()
            gc.freeze()
            try:
                while not self._asked.count:
                    self._asked.pause(self._keep_alive())
                return self._stop()
            finally:
                for child in self._children:
                    self._kill(child)

    def _keep_alive(self) -> float | None:
        """Seconds until the next start; None where all are there."""
        now = time.monotonic()
        for child in self._children:
            if child.pid and self._has_ended(child):
                child.backoff.ended(now)
            if not child.pid and child.backoff.is_due(now) and not self._asked.count:
                self._start(child)
        due = [child.backoff.due_at for child in self._children if not child.pid]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start(self, child: _Child) -> None:
        def work() -> int:
            structlog.contextvars.bind_contextvars(process=child.number)
            return self._work(child.number)

        child.backoff.started(time.monotonic())
        child.pid = fork(f"mediview {self._role} {child.number}", work)

    def _has_ended(self, child: _Child) -> bool:
        """Whether the process is gone; if so it is waited for and logged."""
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if not pid:
            return False
        child.pid = 0
        if not self._asked.count:
            code = os.waitstatus_to_exitcode(status)
            log.error("process_ended", role=self._role, number=child.number, ended=_ended(code))
        return True

    def _stop(self) -> int:
        asked_once = self._asked.count
        self._on_stop()
        for child in self._children:
            self._signal(child, signal.SIGTERM)
        deadline = time.monotonic() + self._grace_s
        while not all(not child.pid or self._has_ended(child) for child in self._children):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or self._asked.count != asked_once:
                break
            self._asked.pause(left_s)
        else:
            return 0
        late = [child.number for child in self._children if child.pid]
        log.warning("processes_killed", role=self._role, numbers=late)
        return 1

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        if child.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def _kill(self, child: _Child) -> None:
        self._signal(child, signal.SIGKILL)
        if child.pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
            child.pid = 0


def _ended(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
