"""The threads in which requests are worked on, shared out by caller.

All that waits for a disk, the database or a decoder does so in one of them, so that somebody who
had them all would keep everybody else waiting. anyio asks its default limiter each time.
"""

import asyncio
from functools import partial
from types import TracebackType

# anyio has no public way to set the limiter that starlette and FastAPI use.
from anyio._backends._asyncio import CapacityLimiter, _default_thread_limiter

from storage.core.callers.shares import Shares, Turn

THREADS = 40
"""Of each process that serves HTTP."""

MOST_OF_ONE = 20


class SharedThreads(CapacityLimiter):
    """Half of the threads at most for one caller; who waits gets them in turn."""

    def __new__(cls) -> "SharedThreads":
        return super().__new__(cls, THREADS)

    def __init__(self) -> None:
        super().__init__(THREADS)
        self._shares = Shares(THREADS, most=MOST_OF_ONE)
        # A task waits for one thread at a time.
        self._turns: dict[object, Turn] = {}

    async def __aenter__(self) -> None:
        turn = self._shares.take() or await self._waited_for()
        self._turns[asyncio.current_task()] = turn

    async def _waited_for(self) -> Turn:
        # Who gives a turn back is in this event loop, too.
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turn = self._shares.ask(partial(_wake, given))
        try:
            if not turn.is_given:
                await given
        except BaseException:
            self._shares.give_back(turn)
            raise
        return turn

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._shares.give_back(self._turns.pop(asyncio.current_task()))


def share_threads() -> None:
    """From now on in the event loop at hand."""
    _default_thread_limiter.set(SharedThreads())


def _wake(given: "asyncio.Future[None]") -> None:
    # The one who waited may have gone.
    if not given.done():
        given.set_result(None)
