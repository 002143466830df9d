"""One process of all hosts does something, another does it once that one is gone."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.core.errors import MediViewError
from storage.db.locks.advisory_lock import Lock, lock_of_one

log = structlog.get_logger(__name__)

TRIED_EVERY_S = 2.0


class Leadership:
    """By the lock of `only_one`, for as long as its process leads. For one thread."""

    def __init__(self, engine: Engine, path: Path, number: int) -> None:
        self._engine, self._path, self._number = engine, path, number
        self._lock: Lock | None = None
        self._until_let_go = ExitStack()
        self._tried_next_s = 0.0
        self._is_out = False
        """Whether the last try failed: an outage is logged once."""

    def has(self) -> bool:
        """Whether it is this one now. False as well while the database or the folder is away."""
        if self._lock is not None:
            if self._lock.is_still_held():
                return True
            self.resign()
        if time.monotonic() < self._tried_next_s:
            return False
        self._tried_next_s = time.monotonic() + TRIED_EVERY_S
        try:
            self._take()
        except (MediViewError, SQLAlchemyError) as error:
            self._failed(error)
            return False
        if self._is_out:
            self._is_out = False
            log.info("leadership_recovered", lock=self._path.name)
        return self._lock is not None

    def resign(self, pause_s: float = 0.0) -> None:
        """Let another do it, and do not try again for so long."""
        self.close()
        self._tried_next_s = time.monotonic() + pause_s

    def close(self) -> None:
        self._lock = None
        # A session that has ended has no lock any more.
        with suppress(MediViewError, SQLAlchemyError):
            self._until_let_go.close()

    def _take(self) -> None:
        with ExitStack() as attempt:
            lock = attempt.enter_context(lock_of_one(self._engine, self._path, self._number))
            if lock is not None:
                self._lock, self._until_let_go = lock, attempt.pop_all()

    def _failed(self, error: MediViewError | SQLAlchemyError) -> None:
        if self._is_out:
            return
        self._is_out = True
        if isinstance(error, MediViewError):
            code, detail = error.code, error.message
        else:
            code, detail = type(error).__name__, ""
        log.error("leadership_failed", lock=self._path.name, error=code, detail=detail)
