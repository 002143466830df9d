"""What callers share, such as decoders, threads and streams: nobody holds all of it.

One caller, who is one identity or, without one, one address, holds a share at most. Of those who
wait the one is served next who holds least, and of several such the one whose last turn is longest
ago: however many requests one of them sends, the others wait for one turn of everybody.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from storage.core.addresses import address_group

_CALLER: ContextVar[str] = ContextVar("caller", default="")


def current_caller() -> str:
    """For whom this is done; empty: for the node itself."""
    return _CALLER.get()


@lru_cache(maxsize=4096)
def address_caller(address: str) -> str:
    """Who has no identity, by the address; empty for none."""
    return f"address {address_group(address)}" if address else ""


@contextmanager
def on_behalf_of(caller: str) -> Iterator[None]:
    """Everything inside counts towards the shares of `caller`, in threads that are given it, too.

    `caller` is an `Identity.id`, or names an address (`address_caller`).
    """
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


@dataclass(eq=False, slots=True)
class Turn:
    """What somebody has, or waits for. `given` is called by the one who gave a turn back."""

    caller: str
    is_large: bool
    given: Callable[[], None]
    is_given: bool = False


class Shares:
    """`places` in all, `most` of them for one caller; None: no limit. Safe for threads.

    Where nobody knows who asks, as on a node without sign-in, `most` limits nothing.

    Of large tasks, which take long, `most_large` run at once, so that short ones never wait for
    them alone. It knows neither threads nor event loops: the one who waits says how to be woken.
    """

    def __init__(
        self,
        places: int | None,
        most: int | None = None,
        most_large: int | None = None,
    ) -> None:
        self._places = places
        self._most = most
        self._most_large = most_large
        self._lock = threading.Lock()
        self._held = Counter[str]()
        self._all_held = 0
        self._large_held = 0
        # By caller and size, the one first whose last turn is longest ago.
        self._waiting: OrderedDict[tuple[str, bool], deque[Turn]] = OrderedDict()

    def ask(
        self, given: Callable[[], None], *, is_large: bool = False, caller: str | None = None
    ) -> Turn:
        """A turn for the caller at hand: now, which `is_given` says, or later, when `given` is
        called. Give it back in any case.
        """
        turn = Turn(current_caller() if caller is None else caller, is_large, given)
        with self._lock:
            # Those that wait may have nothing of what is free.
            if self._may(turn.caller, is_large):
                self._give(turn)
            else:
                self._waiting.setdefault((turn.caller, is_large), deque()).append(turn)
        return turn

    def take(self, caller: str | None = None) -> Turn | None:
        """A turn at once, or None."""
        turn = Turn(current_caller() if caller is None else caller, False, _nothing)
        with self._lock:
            if not self._may(turn.caller, False):
                return None
            self._give(turn)
        return turn

    def give_back(self, turn: Turn) -> None:
        """Also one that is still waited for."""
        with self._lock:
            if turn.is_given:
                self._take_back(turn)
            else:
                self._forget(turn)
            found = self._next_turns() if self._waiting else ()
        # Outside of the lock: what is called may ask for another turn.
        for one in found:
            one.given()

    @contextmanager
    def turn(
        self, wait_s: float | None, *, is_large: bool = False, caller: str | None = None
    ) -> Iterator[bool]:
        """Whether it was the caller's turn within `wait_s` (None: however long it takes); it ends
        with the block.
        """
        has_come = threading.Event()
        turn = self.ask(has_come.set, is_large=is_large, caller=caller)
        try:
            yield turn.is_given or has_come.wait(wait_s)
        finally:
            self.give_back(turn)

    def waiting(self, caller: str | None = None) -> int:
        """How many requests of the caller at hand wait."""
        caller = current_caller() if caller is None else caller
        with self._lock:
            return sum(len(self._waiting.get((caller, size), ())) for size in (False, True))

    def _give(self, turn: Turn) -> None:
        turn.is_given = True
        self._all_held += 1
        self._held[turn.caller] += 1
        self._large_held += turn.is_large

    def _take_back(self, turn: Turn) -> None:
        turn.is_given = False
        self._all_held -= 1
        self._held[turn.caller] -= 1
        if not self._held[turn.caller]:
            del self._held[turn.caller]
        self._large_held -= turn.is_large

    def _next_turns(self) -> list[Turn]:
        """Give what is free to those who wait for it."""
        found: list[Turn] = []
        while (key := self._next()) is not None:
            turns = self._waiting[key]
            turn = turns.popleft()
            if turns:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
            self._give(turn)
            found.append(turn)
        return found

    def _next(self) -> tuple[str, bool] | None:
        # The first of those that hold least: the order of the dictionary decides the rest.
        return min(
            (key for key in self._waiting if self._may(*key)),
            key=lambda key: self._held[key[0]],
            default=None,
        )

    def _may(self, caller: str, is_large: bool) -> bool:
        if self._places is not None and self._all_held >= self._places:
            return False
        if caller and self._most is not None and self._held[caller] >= self._most:
            return False
        return not is_large or self._most_large is None or self._large_held < self._most_large

    def _forget(self, turn: Turn) -> None:
        key = (turn.caller, turn.is_large)
        turns = self._waiting.get(key)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[key]


def _nothing() -> None:
    """Who takes a turn at once looks at it afterwards."""
