"""The task of a worker that performs workitems of other systems, as long as its process runs."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from inference.failures import place
from inference.pipeline import Pipeline

if TYPE_CHECKING:
    from inference.ups_sources.running import RunningStorage

log = structlog.get_logger(__name__)


class OthersWorklists:
    """`storage` is asked for when the task begins: a process opens it after it was forked."""

    def __init__(
        self,
        storage: "Callable[[], RunningStorage]",
        stopping: Callable[[], bool],
        pipelines: Sequence[Pipeline] | None,
    ) -> None:
        self._storage = storage
        self._stopping = stopping
        self._pipelines = pipelines
        self._only_one = threading.Lock()

    def perform(self) -> None:
        """Nothing where a thread of this process is at it."""
        if not self._only_one.acquire(blocking=False):
            return
        # With what speaks to other worklists, which most nodes do not.
        from inference.ups_sources.running import run_alone

        try:
            run_alone(self._storage(), self._stopping, self._pipelines)
        except Exception as error:  # noqa: BLE001 - the edge of a task: the next round begins again
            log.error(
                "task_failed", task="ups_sources", error=type(error).__name__, place=place(error)
            )
        finally:
            self._only_one.release()
