"""Threads that serve one association after the other.

To start one takes as long as much of an association of a single instance does, and the thread that
accepts connections waits for it: until the new one has had the interpreter.
"""

import queue
import threading
from collections.abc import Callable
from contextvars import Context

import structlog

log = structlog.get_logger(__name__)

# What more end at once, and these when none has called for a while: an idle node has none.
_MOST_IDLE = 8
_IDLE_S = 2.0
_IDLE_NAME = "association-idle"


class AssociationThreads:
    """As many as there are associations, and a few that wait for the next. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = (
            queue.SimpleQueue()
        )
        self._idle_count = 0
        """Threads that wait, and for which nothing is waiting yet."""
        self._is_stopped = False

    def begin(self, name: str, work: Callable[[], None]) -> None:
        """Have it done in a thread of this name meanwhile, in a context of its own."""
        with self._lock:
            self._waiting.put((name, work))
            if self._idle_count:
                self._idle_count -= 1
                return
        threading.Thread(target=self._serve, name=_IDLE_NAME, daemon=True).start()

    def stop(self) -> None:
        """Threads end with what they do, or now. May be called again."""
        with self._lock:
            self._is_stopped = True
            for _ in range(self._idle_count):
                self._waiting.put(None)
            self._idle_count = 0

    def _serve(self) -> None:
        thread = threading.current_thread()
        while True:
            try:
                taken = self._waiting.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if not self._idle_count:
                        continue  # something was put in this very moment
                    self._idle_count -= 1
                return
            if taken is None:
                return
            thread.name, work = taken
            try:
                Context().run(work)
            except Exception:
                # The edge of an association: the thread serves the next.
                log.error("association_failed", exc_info=True)
            thread.name = _IDLE_NAME
            # What it refers to would stay until the next comes.
            del taken, work
            with self._lock:
                if self._is_stopped or self._idle_count >= _MOST_IDLE:
                    return
                self._idle_count += 1
