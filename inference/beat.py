"""The node's clock: Celery's beat, whose pulse shows that it really ticks."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from celery import Celery, signals
from celery.beat import PersistentScheduler

from inference.celery_config import CONTROL_QUEUE, backlog, configuration, leave_logging_alone
from inference.file_broker import prepare_folder
from storage.clock import utcnow
from storage.errors import MediViewError
from storage.opening import open_storage
from storage.settings import Settings

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 2.0
# With no control worker, ticks would fill the broker although one of them is enough.
_MAX_WAITING = 30


class Scheduler(PersistentScheduler):  # type: ignore[misc]  # celery has no types
    """Says `beat` in the ledger while it ticks; holds back while nobody listens."""

    def __init__(
        self, *args: Any, beat: Callable[[str, datetime], None] | None = None, **kwargs: Any
    ) -> None:
        self._beat = beat
        self._beaten_at: datetime | None = None
        self._troubled = ""
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        self._say_alive(utcnow())
        seconds: float = super().tick(*args, **kwargs)
        return seconds

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

    def _say_alive(self, now: datetime) -> None:
        if self._beat is None or (
            self._beaten_at is not None
            and 0 <= (now - self._beaten_at).total_seconds() < _HEARTBEAT_S
        ):
            return
        try:
            self._beat("beat", now)
        except MediViewError as error:
            # The clock goes on: the database may be back before anybody asks.
            log.warning("beat_heartbeat_failed", error=error.code)
        self._beaten_at = now


def run_beat(settings: Settings) -> None:
    """Send the tick until SIGTERM or SIGINT. Blocks."""
    app = Celery("mediview", set_as_current=False)
    app.conf.update(configuration(settings))
    prepare_folder(settings.data_dir.absolute() / "beat")
    signals.setup_logging.connect(leave_logging_alone, weak=False)
    with open_storage(settings) as storage, storage.audit.running("beat"):
        scheduler = partial(Scheduler, beat=storage.heartbeats.beat)
        app.Beat(scheduler=scheduler, quiet=True, socket_timeout=None).run()
