"""The node's clock: Celery's beat, whose pulse shows that it really ticks."""

import shutil
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from celery import Celery, beat, signals

from inference.worker.celery_config import (
    CONTROL_QUEUE,
    backlog,
    configuration,
    leave_logging_alone,
)
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.processes.stop_requests import StopRequests
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 2.0
# With no control worker, ticks would fill the broker although one of them is enough.
_MAX_WAITING = 30


class Scheduler(beat.Scheduler):  # type: ignore[misc]  # celery has no types
    """Sends each entry in its interval; says `beat` in the ledger; holds back while nobody listens.

    Celery's own goes by the time of day and keeps it in a file: a clock that is set
    back by an hour would stop it for an hour. This one goes by a clock that nobody
    sets, and remembers nothing, since every entry may as well be sent at a start.
    """

    def __init__(
        self, *args: Any, beat: Callable[[str, datetime], None] | None = None, **kwargs: Any
    ) -> None:
        self._beat = beat
        self._beat_next_s = 0.0
        self._due_s: dict[str, float] = {}
        self._troubled = ""
        super().__init__(*args, **kwargs)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; seconds until something will be."""
        self._say_alive()
        for name, entry in self.schedule.items():
            now_s = time.monotonic()
            if now_s >= self._due_s.get(name, 0.0):
                self._due_s[name] = now_s + entry.schedule.seconds
                self.apply_entry(entry)
        longest_s = float(self.max_interval)
        return max(0.0, min(min(self._due_s.values()) - time.monotonic(), longest_s))

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            waiting = backlog(self.app, CONTROL_QUEUE)
            sent = None
            if waiting < _MAX_WAITING:
                sent = super().apply_async(entry, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the clock goes on, whatever the broker does
            self._trouble("broker_unreachable", error=type(error).__name__)
            return None
        if waiting < _MAX_WAITING:
            self._troubled = ""
        else:
            self._trouble("nobody_takes_ticks", waiting=waiting)
        return sent

    def _trouble(self, event: str, **details: Any) -> None:
        """Say it once, and not each second."""
        if self._troubled != event:
            log.warning(event, **details)
        self._troubled = event

    def _say_alive(self) -> None:
        if self._beat is None or time.monotonic() < self._beat_next_s:
            return
        try:
            self._beat("beat", utcnow())
        except MediViewError as error:
            # The clock goes on: the database may be back before anybody asks.
            log.warning("beat_heartbeat_failed", error=error.code)
        self._beat_next_s = time.monotonic() + _HEARTBEAT_S


def run_beat(settings: Settings) -> None:
    """Send the tick until SIGTERM or SIGINT. Blocks; a database that is away is waited for."""
    asked = StopRequests()
    with asked.counting_signals():
        if not wait_for_database(settings, asked):
            return
    app = Celery("mediview", set_as_current=False)
    app.conf.update(configuration(settings))
    # Versions before this one kept Celery's schedule there, as a pickle.
    shutil.rmtree(settings.data_dir.absolute() / "beat", ignore_errors=True)
    signals.setup_logging.connect(leave_logging_alone, weak=False)
    with open_storage(settings) as storage, storage.audit.running("beat"):
        scheduler = partial(Scheduler, beat=storage.heartbeats.beat)
        app.Beat(scheduler=scheduler, quiet=True, socket_timeout=None).run()
