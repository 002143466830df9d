"""Celery's pool of processes, in which one thread at a time looks after them."""

import fcntl
import os
from threading import RLock
from typing import Any

from celery.concurrency.prefork import BlockingPool, TaskPool


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


class JobPool(TaskPool):  # type: ignore[misc]
    BlockingPool = _AttendedPool
