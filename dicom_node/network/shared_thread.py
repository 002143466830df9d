"""One thread for the associations of a process that store short instances at the same time.

In threads of their own a third to a half of what such an instance costs is the interpreter's
lock, for which they wait after every system call.
`docs/decisions/0032-short-instances-share-a-thread.md` says what may come here.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context

import structlog

from dicom_node.network.task_scheduler import Task, TaskScheduler
from storage.ingest.cooperative_wait import SHARED_THREAD, PendingCommit

log = structlog.get_logger(__name__)


class SharedThread:
    """Runs what associations submit, from the first on. Safe for threads.

    The methods below `wake` are for the work that runs here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._storing: set[object] = set()
        self._submitted: list[Task] = []
        self._under_way: set[Task] = set()
        self._thread: threading.Thread | None = None
        self._scheduler: TaskScheduler | None = None
        self._wake_fd = -1
        self._is_stopping = False

    @contextlib.contextmanager
    def storing(self, who: object) -> Iterator[None]:
        """Count an association among those that store."""
        with self._lock:
            self._storing.add(who)
        try:
            yield
        finally:
            with self._lock:
                self._storing.discard(who)

    @property
    def is_used_by_several(self) -> bool:
        """Whether several store: one alone is as fast in a thread of its own."""
        return len(self._storing) > 1

    def run(self, work: Callable[[], None]) -> bool:
        """Run `work` in the shared thread, and return when it has ended.

        False where it kept others pending and should not come again. Raises what `work` raises.
        """
        context = copy_context()
        context.run(SHARED_THREAD.set, self)
        task = Task(work, context)
        with self._lock:
            if self._is_stopping:
                return False
            if self._thread is None:
                self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
                self._thread = threading.Thread(target=self._serve, name="scp-shared", daemon=True)
                self._thread.start()
            self._under_way.add(task)
            self._submitted.append(task)
            os.eventfd_write(self._wake_fd, 1)
        task.has_ended.wait()
        self._under_way.discard(task)
        if task.error is not None:
            raise task.error
        return not task.is_slow

    def stop(self) -> None:
        """End the thread when the work that it has is done."""
        with self._lock:
            self._is_stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            if self._wake_fd >= 0:
                os.close(self._wake_fd)
            self._wake_fd = -1

    def wake(self) -> None:
        """From any thread: there may be something new to do."""
        if threading.current_thread() is self._thread:
            return
        with self._lock:
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def wait_for(self, sock: socket.socket, event: int, timeout_s: float) -> bool:
        """Whether the event of `select.epoll` came in time."""
        return self._running_scheduler.wait_for(sock, event, timeout_s)

    def yield_to_others(self) -> None:
        """Let the others go on first."""
        self._running_scheduler.yield_to_others()

    @property
    def current_task(self) -> Task:
        """This work; where it `is_slow` it keeps the others pending, and should leave."""
        return self._running_scheduler.current().task

    def wait_until_done(self, pending: PendingCommit) -> None:
        """The others go on meanwhile."""
        self._running_scheduler.wait_until_done(pending)

    @property
    def _running_scheduler(self) -> TaskScheduler:
        if self._scheduler is None:
            raise RuntimeError("nothing runs in the shared thread")
        return self._scheduler

    def _serve(self) -> None:
        try:
            self._scheduler = TaskScheduler(self._take, self._wake_fd)
            self._scheduler.serve(lambda: self._is_stopping and not self._submitted)
        except Exception:
            # Associations go on in their own threads; those that were here are notified.
            log.error("shared_thread_failed", exc_info=True)
            with self._lock:
                self._is_stopping = True
            for task in tuple(self._under_way):
                task.error = RuntimeError("the thread that associations share has ended")
                task.has_ended.set()

    def _take(self) -> list[Task]:
        with self._lock:
            taken, self._submitted = self._submitted, []
        return taken
