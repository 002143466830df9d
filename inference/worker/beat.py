"""The node's clock: Celery's beat, whose pulse shows that it really ticks."""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, beat, signals
from sqlalchemy import Engine

from inference.broker.celery_config import (
    CONTROL_QUEUE,
    TICK_TASK,
    backlog,
    configuration,
    leave_logging_alone,
)
from storage.container import open_storage
from storage.core.clock import CLOCKS_AGREE_WITHIN_S, ClockWatch, utcnow
from storage.core.errors import MediViewError
from storage.db.due.commit_watch import CommitWatch
from storage.db.locks.leadership import TRIED_EVERY_S, Leadership
from storage.processes.heartbeats import BEAT_EVERY_S
from storage.processes.signs_of_life import SignOfLife
from storage.processes.stop_requests import StopRequests
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Without anything committed: for what has waited for long, and to show that ticks are handled.
# Three may be late before the node says that they are not.
_IDLE_TICK_S = CLOCKS_AGREE_WITHIN_S / 4
# Longer than anything that is put off for less than a minute.
_SETTLE_MARGIN_S = 5.0
# With no control worker, ticks would fill the broker although one of them is enough.
_MAX_WAITING = 30
_LEADERSHIP = 0x6D766274
# By so much a busy machine may try later.
_LATE_BY_S = 1.0


class Scheduler(beat.Scheduler):  # type: ignore[misc]  # celery has no types
    """Sends each entry in its interval; says `beat` in the ledger; holds back while nobody listens.

    Of several, on whatever hosts, the one that leads sends; the others say that they live.

    The tick is sent when `watch` says that there may be something to do, and when the time of day
    was set. Celery's own goes by the time of day and keeps it in a file: a clock that is set
    back by an hour would stop it for an hour. This one goes by a clock that nobody
    sets, and remembers nothing, since every entry may as well be sent at a start.
    """

    def __init__(
        self,
        *args: Any,
        beat: Callable[[str, datetime], None],
        watch: CommitWatch,
        sign: SignOfLife,
        leadership: Leadership,
        **kwargs: Any,
    ) -> None:
        self._beat = beat
        self._leadership = leadership
        self._is_leading = False
        self._sign = sign
        self._watch = watch
        self._clock = ClockWatch()
        self._beat_next_s = 0.0
        self._due_s: dict[str, float] = {}
        self._troubled = ""
        super().__init__(*args, **kwargs)

    def tick(self, *_: Any, **__: Any) -> float:
        """Wait until something is due, and send it; 0 seconds until the next time."""
        due_s = min([self._beat_next_s, *self._due_s.values()])
        is_due = self._watch.wait(max(0.0, due_s - time.monotonic()))
        self._say_alive()
        # Who ticks follows the clock, and shall not first hear of it when all is idle.
        is_due = bool(self._clock.step(utcnow(), time.monotonic())) or is_due
        was_leading, self._is_leading = self._is_leading, self._leadership.has()
        if not self._is_leading:
            # As at a start, should it lead again.
            self._due_s.clear()
            return 0.0
        # What the one before may not have come to.
        is_due = is_due or not was_leading
        for name, entry in self.schedule.items():
            if entry.task == TICK_TASK:
                if is_due:
                    self.apply_entry(entry)
                continue
            now_s = time.monotonic()
            if now_s >= self._due_s.get(name, 0.0):
                self._due_s[name] = now_s + entry.schedule.seconds
                self.apply_entry(entry)
        return 0.0

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            waiting = backlog(self.app, CONTROL_QUEUE)
            sent = None
            if waiting < _MAX_WAITING:
                sent = super().apply_async(entry, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the clock goes on, whatever the broker does
            self._trouble("broker_unreachable", error=type(error).__name__)
            # It may be this host alone that does not reach it.
            self._leadership.resign(self._longest_between_tries_s() + _LATE_BY_S)
            return None
        if waiting < _MAX_WAITING:
            self._troubled = ""
        else:
            self._trouble("nobody_takes_ticks", waiting=waiting)
        return sent

    def _longest_between_tries_s(self) -> float:
        """Those who wait to lead may do so whenever they wake up."""
        tick_s: float = self.schedule["tick"].schedule.seconds
        wakes_within_s = min(tick_s, BEAT_EVERY_S)
        return TRIED_EVERY_S + wakes_within_s

    def _trouble(self, event: str, **details: Any) -> None:
        """Log it once, and not each second; what was not sent is tried again soon."""
        self._watch.stay_busy()
        if self._troubled != event:
            log.warning(event, **details)
        self._troubled = event

    def _say_alive(self) -> None:
        if time.monotonic() < self._beat_next_s:
            return
        self._sign.give()
        try:
            self._beat("beat", utcnow())
        except MediViewError as error:
            # The clock goes on: the database may be back before anybody asks.
            log.warning("beat_heartbeat_failed", error=error.code)
        self._beat_next_s = time.monotonic() + BEAT_EVERY_S


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
    with (
        open_storage(settings) as storage,
        storage.audit.running("beat"),
        closing(_work_watch(storage.engine, settings)) as watch,
        closing(leadership(storage.engine, settings.data_dir)) as leads,
    ):
        sign = SignOfLife(settings, "beat")
        scheduler = partial(
            Scheduler, beat=storage.heartbeats.beat, watch=watch, sign=sign, leadership=leads
        )
        app.Beat(scheduler=scheduler, quiet=True, socket_timeout=None).run()


def leadership(engine: Engine, data_dir: Path) -> Leadership:
    """Of the one beat that ticks for all hosts of a database."""
    return Leadership(engine, data_dir.absolute() / "beat.lock", _LEADERSHIP)


def _work_watch(engine: Engine, settings: Settings) -> CommitWatch:
    """While all that waits for a short time may become due, ticks come at their usual pace."""
    longest_s = max(
        settings.series_quiet_s,
        settings.study_quiet_s,
        settings.feedback_quiet_s,
        settings.job_lease_s,
    )
    return CommitWatch(
        engine,
        busy_s=settings.tick_s,
        settle_s=longest_s + _SETTLE_MARGIN_S,
        idle_s=max(settings.tick_s, _IDLE_TICK_S),
    )
