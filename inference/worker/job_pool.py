"""Celery's pool of processes, in which one thread at a time looks after them.

Its threads wait for what happens; billiard's own look up every second, each of them.
"""

import fcntl
import os
import select
import threading
import time
from threading import RLock
from typing import Any

from billiard import pool
from celery.concurrency.prefork import BlockingPool, TaskPool

# As billiard looks after its processes, where something is under way that gives no sign.
_LOOK_S = 0.8
_IDLE_LOOK_S = 30.0
_START_LOOKS, _START_LOOK_S = 10, 0.1


class _Supervisor(pool.Supervisor):  # type: ignore[misc]  # billiard has no types
    """Looks after the processes when one has ended, and when `look_now` was called."""

    def __init__(self, of: Any) -> None:
        self._called = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        super().__init__(of)

    def body(self) -> None:
        self._wait(_LOOK_S)
        usual = self.pool.restart_state
        # More may fail at the start than later on.
        self.pool.restart_state = pool.restart_state(10 * self.pool._processes, 1)
        try:
            for _ in range(_START_LOOKS):
                if self._is_running():
                    self.pool._maintain_pool()
                    time.sleep(_START_LOOK_S)
            self.pool.restart_state = usual
            while self._is_running():
                self.pool._maintain_pool()
                # A process that has taken a task with it is given up after a while.
                self._wait(_LOOK_S if self.pool._cache else _IDLE_LOOK_S)
        except pool.RestartFreqExceeded:
            self.pool.close()
            self.pool.join()
            raise

    def look_now(self) -> None:
        """Without waiting for anything."""
        os.eventfd_write(self._called, 1)

    def close(self) -> None:
        super().close()
        self.look_now()

    def terminate(self) -> None:
        super().terminate()
        self.look_now()

    def _is_running(self) -> bool:
        return bool(self._state == pool.RUN and self.pool._state == pool.RUN)

    def _wait(self, at_most_s: float) -> None:
        poll = select.poll()
        poll.register(self._called, select.POLLIN)
        ends: list[int] = []
        try:
            for process in list(self.pool._pool):
                if process.pid is None:
                    at_most_s = _LOOK_S  # another thread is just starting it
                    continue
                try:
                    ends.append(os.pidfd_open(process.pid))
                except ProcessLookupError:
                    return  # it has ended, and was waited for
                except OSError:
                    at_most_s = _LOOK_S  # a kernel without them
            for end in ends:
                poll.register(end, select.POLLIN)
            poll.poll(at_most_s * 1000)
            try:
                os.eventfd_read(self._called)
            except BlockingIOError:
                return
        finally:
            for end in ends:
                os.close(end)


class _ResultHandler(pool.ResultHandler):  # type: ignore[misc]
    """The end of the pool comes as a result, too."""

    def _process_result(self, timeout: float = _IDLE_LOOK_S) -> Any:
        return super()._process_result(_IDLE_LOOK_S if timeout else timeout)


class _TimeoutHandler(pool.TimeoutHandler):  # type: ignore[misc]
    """Our tasks have no time limit of Celery's."""

    def __init__(self, *args: Any) -> None:
        self._ended = threading.Event()
        super().__init__(*args)

    def body(self) -> None:
        self._ended.wait()

    def close(self) -> None:
        super().close()
        self._ended.set()

    def terminate(self) -> None:
        super().terminate()
        self._ended.set()


class _ProcessLock:
    """Held by one process at a time; the kernel gives it back for one that was killed.

    billiard's semaphore stays taken then: the process that waits for the next task has it, and
    after its end no other gets a task any more.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("pool-lock")

    def acquire(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        os.close(self._file)


class _AttendedPool(BlockingPool):  # type: ignore[misc]
    """billiard starts a process from one thread, and looks for ended ones from another.

    That one takes a process that is just being started for one that has ended, and dies of its
    missing process id; a worker without its supervisor works on nothing any more.
    """

    Supervisor = _Supervisor
    ResultHandler = _ResultHandler
    TimeoutHandler = _TimeoutHandler

    def __init__(self, *args: Any, **options: Any) -> None:
        self._attending = RLock()
        super().__init__(*args, **options)

    def _setup_queues(self) -> None:
        super()._setup_queues()
        # Those that the processes of the pool share.
        self._inqueue._rlock = _ProcessLock()
        self._outqueue._wlock = _ProcessLock()

    def _maintain_pool(self) -> None:
        with self._attending:
            super()._maintain_pool()

    def on_grow(self, n: int) -> None:
        super().on_grow(n)
        self._worker_handler.look_now()


class JobPool(TaskPool):  # type: ignore[misc]
    BlockingPool = _AttendedPool
