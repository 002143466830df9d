"""Whose message is taken next: messages are taken one by one, and MLLP has no sign-in."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from dicom_node.hl7.connections import Connection
from dicom_node.hl7.strangers_share import StrangersShare

_MOST_REMEMBERED = 1_000


@dataclass(eq=False)
class _Waiting:
    sender: Connection
    number: int
    may_begin: asyncio.Future[None]


class Turns:
    """Known senders first; of these, and of all others, the address whose messages took the least
    time, in whatever order they came.

    An address is charged the seconds that its messages took, and at least what the one whose turn
    it is was charged: being silent saves nothing up (start-time fair queueing). Senders that are
    not known wait for the share of the processor that all of them have, too.
    """

    def __init__(
        self, seconds: Callable[[], float] = time.monotonic, share: StrangersShare | None = None
    ) -> None:
        self._seconds = seconds
        self._share = share or StrangersShare()
        self._later: asyncio.TimerHandle | None = None
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._charged: dict[bytes, float] = {}
        self._least = {True: 0.0, False: 0.0}
        self._taken: tuple[Connection, float] | None = None
        self._is_idle: asyncio.Event | None = None

    async def wait(self, sender: Connection) -> None:
        """Until no other message is being taken, and this one is next. What waits must `end`."""
        self._count += 1
        future = asyncio.get_running_loop().create_future()
        one = _Waiting(sender, self._count, future)
        self._waiting.append(one)
        self._begin_next()
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                if one in self._waiting:
                    self._waiting.remove(one)
            else:
                self.end()
            raise

    def end(self) -> None:
        """The message was taken; the next one may begin."""
        if self._taken is not None:
            sender, began = self._taken
            charged = self._charge_of(sender) + self._seconds() - began
            self._charged.pop(sender.address, None)
            self._charged[sender.address] = charged
            if len(self._charged) > _MOST_REMEMBERED:
                del self._charged[next(iter(self._charged))]
        self._taken = None
        self._begin_next()

    async def idle(self) -> None:
        """Until no message is being taken, where no further one comes."""
        if self._taken is not None:
            self._is_idle = asyncio.Event()
            await self._is_idle.wait()

    def _begin_next(self) -> None:
        if self._taken is not None:
            return
        self._waiting = [one for one in self._waiting if not one.may_begin.cancelled()]
        if not self._waiting:
            if self._is_idle is not None:
                self._is_idle.set()
            return
        one = min(self._waiting, key=self._order)
        if not one.sender.is_known and (left_s := self._share.left_s()) > 0:
            if self._later is None:
                self._later = asyncio.get_running_loop().call_later(left_s, self._look_again)
            return
        self._waiting.remove(one)
        self._least[one.sender.is_known] = self._charge_of(one.sender)
        self._taken = one.sender, self._seconds()
        one.may_begin.set_result(None)

    def _look_again(self) -> None:
        self._later = None
        self._begin_next()

    def _order(self, one: _Waiting) -> tuple[bool, float, int]:
        return not one.sender.is_known, self._charge_of(one.sender), one.number

    def _charge_of(self, sender: Connection) -> float:
        return max(self._charged.get(sender.address, 0.0), self._least[sender.is_known])
