"""Long work of one thread beside others, which may be made to pause in between.

Threads of a process share the interpreter's lock. What takes seconds of the processor for
somebody whom nobody knows lets everybody else wait, unless it stops now and then.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol


class LongWork(Protocol):
    def pause(self) -> None:
        """To be called every few milliseconds; it may wait."""


BEGIN_LONG_WORK: ContextVar[Callable[[], LongWork | None] | None] = ContextVar(
    "begin_long_work", default=None
)
"""Set by who knows for whom the thread works; None: nobody has to wait."""


_WORKS_WITHIN_S = 1.0
_LONGEST_PAUSE_S = 0.25


class SharedTurn:
    """All long work of a process takes as much of the processor as one of them would alone.

    Each rests for as long as the others together have had since. Safe for threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: dict[int, float] = {}
        """Long work, and when it paused last, of the monotonic clock."""

    def begin(self) -> LongWork:
        return _OneOfSeveral(self)

    def rest(self, work: int, used_s: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._working[work] = now
            for one, at in list(self._working.items()):
                if at < now - _WORKS_WITHIN_S:
                    del self._working[one]
            others = len(self._working) - 1
        if others:
            time.sleep(min(others * used_s, _LONGEST_PAUSE_S))


class _OneOfSeveral:
    def __init__(self, turn: SharedTurn) -> None:
        self._turn = turn
        self._since_s = time.thread_time()

    def pause(self) -> None:
        self._turn.rest(id(self), time.thread_time() - self._since_s)
        self._since_s = time.thread_time()


def begin_long_work() -> LongWork | None:
    begin = BEGIN_LONG_WORK.get()
    return None if begin is None else begin()
