"""The headers of a series, read in slices where that takes long.

Thousands of small instances, or a few of hundreds of thousands of items, take the processor for
many seconds, during which nothing else is decided on. A series that is not read within its slice
waits behind the others; the one that waits longest has a slice of each round, however many come.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from inference.scheduling.schedule_one_series import Candidate, unreadable_candidate
from storage.core.callers.turns import Turn, Turns
from storage.core.entities import Instance, Series
from storage.core.errors import StorageFull, StorageUnavailable
from storage.integrity.instance_reader import InstanceReader

SLICE_S = 1.0
"""Of the processor, for one series; a single header is not interrupted."""
ROUND_S = 3.0
"""Of the processor, for all series of a round; no slice is begun after it."""
# More are not looked past; they are offered again.
_WAITING_AT_MOST = 1_000

Key = tuple[str, str]


@dataclass
class _Reading:
    """What is read of a series so far; the generator goes on where it stopped."""

    series: Series
    instances: list[Instance]
    left: Iterator[Dataset]
    headers: list[Dataset] = field(default_factory=list)


class HeaderSlices:
    """Remembers between rounds which series wait, and what is read of the one whose turn it is."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self.turns = Turns()
        self._used_s = 0.0
        self._waiting: dict[Key, None] = {}
        self._begun: _Reading | None = None
        self._left_s = ROUND_S

    def begin_round(self) -> None:
        """The new ones have the time but for a slice, if any waits."""
        self._left_s = ROUND_S - (SLICE_S if self._waiting else 0.0)
        self._used_s = 0.0
        self.turns.begin_round()

    def end_turn(self, turn: Turn) -> None:
        """What was read since the turn before, or the round, began was of that one."""
        self.turns.note_turn(turn, self._used_s)
        self._used_s = 0.0

    def begin_waiting(self) -> None:
        """Those that wait have what is left, and a slice in any case."""
        self._left_s = max(self._left_s, 0.0) + SLICE_S

    @property
    def is_used_up(self) -> bool:
        """Whether the round, or this part of it, has had its time."""
        return self._left_s <= 0

    @property
    def waiting(self) -> Collection[Key]:
        """Study and series, in the order in which they have their slices."""
        return tuple(self._waiting)

    def forget(self, key: Key) -> None:
        """It is decided on, or gone."""
        self._waiting.pop(key, None)
        if self._begun is not None and _key(self._begun.series) == key:
            self._begun = None

    def read(
        self, reader: InstanceReader, series: Series, instances: Sequence[Instance]
    ) -> Candidate | None:
        """The series with its headers; None: its slice is over, and it waits.

        Raises StorageFull, StorageUnavailable.
        """
        reading = self._begun
        if (
            reading is None
            or _key(reading.series) != _key(series)
            or reading.instances != list(instances)
        ):
            reading = _Reading(series, list(instances), reader.each_header(instances))
        began_s = self._clock()
        try:
            is_whole = self._go_on(reading, began_s + SLICE_S)
        except (StorageFull, StorageUnavailable):
            self.forget(_key(series))
            raise
        except Exception as error:  # noqa: BLE001 - whatever a strange data set makes pydicom raise
            self.forget(_key(series))
            return unreadable_candidate(series, instances, error)
        finally:
            used_s = self._clock() - began_s
            self._left_s -= used_s
            self._used_s += used_s
        if is_whole:
            self.forget(_key(series))
            return Candidate(series, instances, reading.headers)
        if _key(series) in self._waiting or len(self._waiting) < _WAITING_AT_MOST:
            self._waiting[_key(series)] = None
        # One at a time: each may take as much memory as a series may.
        if next(iter(self._waiting), None) == _key(series):
            self._begun = reading
        return None

    def _go_on(self, reading: _Reading, until_s: float) -> bool:
        """Whether the last header is read. One is read in any case, so that each slice helps."""
        for header in reading.left:
            reading.headers.append(header)
            if self._clock() >= until_s:
                return len(reading.headers) == len(reading.instances)
        return True


def _key(series: Series) -> Key:
    return series.study_instance_uid, series.series_instance_uid
