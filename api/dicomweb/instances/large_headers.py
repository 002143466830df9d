"""Headers that take much memory: read one at a time in each process, and bounded together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.uid import DeflatedExplicitVRLittleEndian

from api.dicomweb.formats.value_room import ValueRoom
from api.dicomweb.instances.frames import open_frames
from storage.core.entities import Instance
from storage.core.errors import NotFound, TooManyRequests
from storage.integrity.instance_reader import InstanceReader

MOST_JSON_BYTES = 128 * 1024 * 1024
"""Of one answer: the headers of some 20,000 slices. What is beyond is left out, and named."""
_LARGE_BYTES = 4 * 1024 * 1024
"""A header that is longer is read while no other such is, in each process."""
_MANY_VALUES_BYTES = 16 * 1024 * 1024
"""One whose values take more as JSON is, from there on, as well."""
_LONG_ANSWER_BYTES = 16 * 1024 * 1024
_TURN_S = 10.0
_LONG_ANSWER_TURN_S = 30.0

_large = threading.Lock()
# Who has this one may wait for the other, and nobody does so the other way round.
_long_answers = threading.Lock()


class Room:
    """What is left of an answer's length; long ones are made one at a time in each process."""

    def __init__(self) -> None:
        self._left_bytes = MOST_JSON_BYTES
        self._turn = _Turn(_long_answers, _LONG_ANSWER_TURN_S, "Another long answer is being made.")
        self.omitted_count = 0

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_: object) -> None:
        self._turn.end()

    def take(self, line: bytes) -> bool:
        """Whether it fits; else it is counted. Raises TooManyRequests where another long answer
        takes long."""
        fits = len(line) <= self._left_bytes
        if fits:
            self._left_bytes -= len(line)
        else:
            self.omitted_count += 1
        if MOST_JSON_BYTES - self._left_bytes > _LONG_ANSWER_BYTES:
            self._turn.begin()
        return fits


@contextmanager
def one_at_a_time(instances: InstanceReader, instance: Instance) -> Iterator[ValueRoom]:
    """Where its header is large, or proves to have very many values; the room for these.

    Raises TooManyRequests where another large one takes long, as does taking from the room.
    """
    turn = _Turn(_large, _TURN_S, "The header of another large instance is being read.")
    if _may_be_large(instances, instance):
        turn.begin()
    try:
        yield ValueRoom(turn.begin, _MANY_VALUES_BYTES)
    finally:
        turn.end()


class _Turn:
    def __init__(self, lock: threading.Lock, limit_s: float, who_has_it: str) -> None:
        self._lock = lock
        self._limit_s = limit_s
        self._who_has_it = who_has_it
        self._has_begun = False

    def begin(self) -> None:
        """Once. Raises TooManyRequests."""
        if self._has_begun:
            return
        if not self._lock.acquire(timeout=self._limit_s):
            raise TooManyRequests(self._who_has_it, remedy="Ask again in some seconds.")
        self._has_begun = True

    def end(self) -> None:
        if self._has_begun:
            self._has_begun = False
            self._lock.release()


def _may_be_large(instances: InstanceReader, instance: Instance) -> bool:
    """What is deflated may be of any length."""
    if instance.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        return True
    if instance.location.length <= _LARGE_BYTES:
        return False
    try:
        return open_frames(instances, instance).layout.element_offset > _LARGE_BYTES
    except NotFound:
        return True
