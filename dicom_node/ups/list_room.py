"""What one list of workitems may take: each item may have 1 MiB, and there are any number."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.core.errors import TooManyRequests

MOST_ANSWER_BYTES = 16 * 1024 * 1024
"""Of one list, as JSON: 1,000 items have some 5 MB. What is beyond is a list of its own."""
MOST_MATCHED_VALUES = 200_000
"""That one search compares with its keys, some 20 µs each; 1,000 items have a few each."""
_LARGE_BYTES = 4 * 1024 * 1024
_MANY_VALUES = 20_000
_TURN_S = 10.0

_large = threading.Lock()


class ListRoom:
    """Counts what a list takes. What takes much has its turn after others that do."""

    def __init__(self) -> None:
        self._bytes = self._values = 0
        self._has_turn = False

    def takes(self, line: bytes) -> bool:
        """Whether an item fits into the answer. Raises TooManyRequests."""
        self._bytes += len(line)
        if self._bytes > _LARGE_BYTES:
            self._wait()
        return self._bytes <= MOST_ANSWER_BYTES

    def may_match(self, values: int) -> bool:
        """Whether an item with that many values to compare is looked at. Raises TooManyRequests."""
        self._values += values
        if self._values > _MANY_VALUES:
            self._wait()
        return self._values <= MOST_MATCHED_VALUES

    def _wait(self) -> None:
        if self._has_turn:
            return
        if not _large.acquire(timeout=_TURN_S):
            raise TooManyRequests(
                "Another list of large workitems is being read.",
                remedy="Ask again in some seconds, or for fewer by a key such as the state.",
            )
        self._has_turn = True

    def end(self) -> None:
        if self._has_turn:
            _large.release()


@contextmanager
def list_room() -> Iterator[ListRoom]:
    room = ListRoom()
    try:
        yield room
    finally:
        room.end()
