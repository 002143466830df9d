"""Celery's pool of processes, in which one thread at a time looks after them."""

from threading import RLock
from typing import Any

from celery.concurrency.prefork import BlockingPool, TaskPool


class _AttendedPool(BlockingPool):  # type: ignore[misc]
    """billiard starts a process from one thread, and looks for ended ones from another.

    That one takes a process that is just being started for one that has ended, and dies of its
    missing process id; a worker without its supervisor works on nothing any more.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._attending = RLock()
        super().__init__(*args, **options)

    def _maintain_pool(self) -> None:
        with self._attending:
            super()._maintain_pool()


class JobPool(TaskPool):  # type: ignore[misc]
    BlockingPool = _AttendedPool
