"""Whom of several peers the node tells what is due next, so that a slow one holds up no other."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from storage.core.errors import MediViewError

log = structlog.get_logger(__name__)

TURN_S, AT_ONCE = 3.0, 4
# While a peer is served, what is due meanwhile is looked for so often.
_LOOK_S = 0.5
# Nobody who took nothing is tried again sooner.
_REST_S = 5.0


class Turn:
    """Of one peer. What is under way as it ends is still finished.

    `now` goes on from the time that the round began with.
    """

    def __init__(self, now: datetime, turn_s: float, is_stopping: Callable[[], bool]) -> None:
        self._began_with = now
        self._began_s = time.monotonic()
        self._turn_s = turn_s
        self._is_stopping = is_stopping

    @property
    def now(self) -> datetime:
        return self._began_with + timedelta(seconds=self._used_s)

    @property
    def is_long(self) -> bool:
        return self._used_s >= self._turn_s

    @property
    def is_over(self) -> bool:
        return self.is_long or self._is_stopping()

    @property
    def _used_s(self) -> float:
        return time.monotonic() - self._began_s


class PeerTurns:
    """Each peer is served by one thread at a time, over one association, in its order.

    A few peers are at once, and one that takes long makes room after a few seconds. One that needed
    the whole of the last turn leaves a place to the others.
    """

    def __init__(
        self,
        name: str,
        due: Callable[[datetime], Sequence[str]],
        tell: Callable[[str, Turn], int],
        is_stopping: Callable[[], bool],
        *,
        turn_s: float = TURN_S,
        at_once: int = AT_ONCE,
    ) -> None:
        """`due`: the peers that something is due for, the longest first. `tell`: one of them, until
        the turn is over or nothing is due; how much of it was taken.
        """
        self._name = name
        self._due = due
        self._tell = tell
        self._is_stopping = is_stopping
        self._turn_s = turn_s
        self._at_once = at_once
        self._ended_s: dict[str, float] = {}
        self._slow: set[str] = set()

    def take(self, now: datetime) -> int:
        """Until nothing is due, or the rest took nothing; how much was taken."""
        began_s, taken = time.monotonic(), 0
        busy: set[str] = set()
        resting_until_s: dict[str, float] = {}
        ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        while True:
            if len(busy) < self._at_once and not self._is_stopping():
                moment_s = time.monotonic()
                moment = now + timedelta(seconds=moment_s - began_s)
                resting = {peer for peer, until_s in resting_until_s.items() if until_s > moment_s}
                for peer in self._next(moment, busy, resting):
                    busy.add(peer)
                    # A daemon: a peer that is silent just now must not hold up the node's end.
                    threading.Thread(
                        target=self._run, args=(peer, moment, ended), name=self._name, daemon=True
                    ).start()
            if not busy:
                return taken
            try:
                peer, count = ended.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            busy.discard(peer)
            self._ended_s[peer] = time.monotonic()
            taken += count
            if not count:
                resting_until_s[peer] = time.monotonic() + _REST_S

    def _next(self, now: datetime, busy: set[str], resting: set[str]) -> list[str]:
        due = self._due(now)
        for forgotten in self._ended_s.keys() - set(due) - busy:
            del self._ended_s[forgotten]
        waiting = [peer for peer in due if peer not in busy and peer not in resting]
        waiting.sort(key=lambda peer: self._ended_s.get(peer, float("-inf")))
        places = self._at_once - len(busy)
        for_slow = max(1, self._at_once - 1) - len(busy & self._slow)
        chosen: list[str] = []
        for peer in waiting:
            if len(chosen) == places:
                break
            if peer in self._slow:
                if for_slow <= 0:
                    continue
                for_slow -= 1
            chosen.append(peer)
        return chosen

    def _run(self, peer: str, now: datetime, ended: "queue.SimpleQueue[tuple[str, int]]") -> None:
        turn, taken = Turn(now, self._turn_s, self._is_stopping), 0
        try:
            taken = self._tell(peer, turn)
        except MediViewError as error:
            # The database is away; rows wait for it.
            log.warning("due_rows_wait", thread=self._name, code=error.code)
        except Exception as error:
            # The edge of the thread: one odd row must not end the work for the others.
            cause = type(error).__name__
            log.error("due_thread_failed", thread=self._name, error=cause, exc_info=True)
        finally:
            (self._slow.add if turn.is_long else self._slow.discard)(peer)
            ended.put((peer, taken))
