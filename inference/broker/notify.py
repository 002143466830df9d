"""Wake a worker now, so that latency does not depend on the clock's period."""

import threading
import time

import structlog
from celery import Celery

from inference.broker.celery_config import (
    ANSWER_TASK,
    INTERACTIVE_TASK,
    TICK_TASK,
    configuration,
    tick_expiry_s,
)
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Many instances arrive at once; one wake-up is enough for all of them.
_AT_MOST_EVERY_S = 0.2


class _Waker:
    """One producer for each broker that this process talks to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apps: dict[Settings, Celery] = {}
        self._woken_at: dict[tuple[Settings, str], float] = {}

    def wake(self, settings: Settings, task: str) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._woken_at.get((settings, task), float("-inf")) < _AT_MOST_EVERY_S:
                return
            self._woken_at[settings, task] = now
            if settings not in self._apps:
                app = Celery("mediview-wake", set_as_current=False)
                app.conf.update(configuration(settings))
                self._apps[settings] = app
            app = self._apps[settings]
        app.send_task(task, expires=tick_expiry_s(settings), retry=False)


_waker = _Waker()


def wake(settings: Settings) -> None:
    """Ask the control worker for a tick, best effort: never raises, and never waits long.

    Without it the clock finds the same work a little later.
    """
    _send(settings, TICK_TASK)


def wake_language(settings: Settings) -> None:
    """Ask the language worker to look for questions, as `wake` asks for a tick."""
    _send(settings, ANSWER_TASK)


def wake_interactive(settings: Settings) -> None:
    """Ask the worker for interactive models to look for sessions that nobody has taken up."""
    _send(settings, INTERACTIVE_TASK)


def _send(settings: Settings, task: str) -> None:
    try:
        _waker.wake(settings, task)
    except Exception as error:  # noqa: BLE001 - best effort by contract, whatever the broker does
        log.warning("wake_failed", error=type(error).__name__)
