"""The edge of a Celery task: what may run at once, and errors that end there."""

import threading
from collections.abc import Callable

import structlog

from inference.failures import place

log = structlog.get_logger(__name__)


def at_edge(task: str, work: Callable[[], object]) -> None:
    """Nothing escapes into Celery's log: messages of libraries may carry patient data."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the edge of a task
        log.error("task_failed", task=task, error=type(error).__name__, place=place(error))


def if_free(semaphore: threading.Semaphore, task: str, work: Callable[[], object]) -> None:
    """Do it unless as many as may are at it."""
    if not semaphore.acquire(blocking=False):
        return
    try:
        at_edge(task, work)
    finally:
        semaphore.release()
