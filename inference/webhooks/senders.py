"""How many webhooks one process sends to at once, and for how many that are slow."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

_AT_ONCE = 8
SLOW_S = 2.0
"""An answer that takes longer is slow."""

_REMEMBERED = 1024


class Senders:
    """A receiver that hangs must not keep the others waiting.

    Half of the senders are left by receivers whose last answer was slow, however many they are.
    Which are slow is known of this process alone, and forgotten with it.
    """

    def __init__(self, count: int = _AT_ONCE) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._slow: dict[str, None] = {}

    @property
    def free_count(self) -> int:
        with self._lock:
            return self._count - len(self._busy)

    @contextmanager
    def claimed(self, claim: Callable[[Collection[str]], str | None]) -> Iterator[str | None]:
        """A webhook that `claim` takes, none of those that it is given; busy until the end.

        None where nothing is due, or nobody is free.
        """
        with self._lock:
            taken = None
            if len(self._busy) < self._count:
                slow_count = len(self._busy & self._slow.keys())
                taken = claim(list(self._slow) if slow_count >= self._count // 2 else ())
            if taken is not None:
                self._busy.add(taken)
        try:
            yield taken
        finally:
            if taken is not None:
                with self._lock:
                    self._busy.discard(taken)

    def note(self, webhook_id: str, took_s: float) -> bool:
        """How long a receiver took to answer; whether that is slow."""
        with self._lock:
            self._slow.pop(webhook_id, None)
            if took_s <= SLOW_S:
                return False
            self._slow[webhook_id] = None
            while len(self._slow) > _REMEMBERED:
                del self._slow[next(iter(self._slow))]
            return True
