"""The task that sends traces, one at a time in a process."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from inference.failures import place

if TYPE_CHECKING:
    from inference.traces.service import TraceStorage

log = structlog.get_logger(__name__)


class TracesTask:
    """`storage` is asked for when the task begins: a process opens it after it was forked."""

    def __init__(self, storage: "Callable[[], TraceStorage]", stopping: Callable[[], bool]) -> None:
        self._storage = storage
        self._stopping = stopping
        self._only_one = threading.Lock()

    def send(self) -> None:
        """Nothing where a thread of this process is at it."""
        if not self._only_one.acquire(blocking=False):
            return
        # With OpenTelemetry's library, which a site without a collector needs not.
        from inference.traces.service import send_traces_due

        try:
            send_traces_due(self._storage(), self._stopping)
        except Exception as error:  # noqa: BLE001 - the edge of a task: the next round begins again
            log.error("task_failed", task="traces", error=type(error).__name__, place=place(error))
        finally:
            self._only_one.release()
