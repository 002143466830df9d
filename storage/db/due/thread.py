"""A thread that looks for due rows whenever something was committed, and from time to time."""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine

from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.due.commit_watch import CommitWatch

log = structlog.get_logger(__name__)

_POLL_S = 0.5
_SETTLE_S = 5.0
_IDLE_S = 10.0
_STOP_S = 3.0


class DueThread:
    """`work` does all that is due at a time. It is left soon once `is_stopping`."""

    def __init__(self, engine: Engine, name: str, work: Callable[[datetime], object]) -> None:
        self._work = work
        self._name = name
        self._stopping = threading.Event()
        self._watch = CommitWatch(engine, busy_s=_POLL_S, settle_s=_SETTLE_S, idle_s=_IDLE_S)
        # A daemon: a peer that is silent just now must not hold up the node's end. What is due
        # is still due then.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._watch.stop()
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._watch.close()

    def _run(self) -> None:
        while self._watch.wait():
            try:
                self._work(utcnow())
            except MediViewError as error:
                # The database is away; rows wait for it.
                log.warning("due_rows_wait", thread=self._name, code=error.code)
            except Exception as error:
                # The edge of the thread: one odd row must not end all of its work.
                log.error(
                    "due_thread_failed",
                    thread=self._name,
                    error=type(error).__name__,
                    exc_info=True,
                )
