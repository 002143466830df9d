"""Who of a process sends where: a slow destination delays itself, and no other."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from storage.core.entities import Delivery


class SendingSlots:
    """The senders of one process and the destinations that they are busy with.

    Each destination gets one sender, and another while fewer than half of all are busy. So one
    that takes long never holds more than half of them, nor more than one where others are busy.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def claimed(
        self, claim: Callable[[set[str]], Sequence[Delivery]]
    ) -> Iterator[Sequence[Delivery]]:
        """What `claim` takes of one destination, none of those that it is given.

        The destination counts as busy until the end of the block.
        """
        # Two that claim at once would both go where one may.
        with self._lock:
            deliveries = claim(self._full())
            destination = deliveries[0].destination if deliveries else None
            if destination is not None:
                self._busy[destination] += 1
        try:
            yield deliveries
        finally:
            if destination is not None:
                with self._lock:
                    self._busy[destination] -= 1

    def _full(self) -> set[str]:
        if self._busy.total() < self._count // 2:
            return set()
        return {destination for destination, senders in self._busy.items() if senders}
