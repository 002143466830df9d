"""Long work of one thread beside others, which may be made to pause in between.

Threads of a process share the interpreter's lock. What takes seconds of the processor for
somebody whom nobody knows lets everybody else wait, unless it stops now and then.
"""

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


def begin_long_work() -> LongWork | None:
    begin = BEGIN_LONG_WORK.get()
    return None if begin is None else begin()
