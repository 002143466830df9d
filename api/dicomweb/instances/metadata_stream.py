"""Metadata of many instances, made while they are sent: memory does not grow with their number.

What comes first is made before the answer begins, so that a short answer is whole and says how
many instances it lacks. Where that is long, the rest is made as its reader takes it, and not at
all once the reader has gone.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from api.dicomweb.formats.responses import gzip_level_packer
from api.dicomweb.instances.kept_lines import Keeping, KeptLines
from api.dicomweb.instances.metadata import (
    VERSION,
    instance_json,
    is_undecodable,
    leave_out,
    with_root,
)
from api.dicomweb.lookups import content_key
from storage.core.callers.wanted import check_wanted
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged, TooManyRequests
from storage.dicom.value_errors import DAMAGED
from storage.index.unreadable_instances import UnreadableInstances
from storage.integrity.instance_reader import InstanceReader
from storage.objects.store import ObjectStore

FIRST_BYTES = 16 << 20
FIRST_S = 5.0
"""So much is made before an answer begins."""
_TOGETHER = 500
"""Instances of a series whose metadata are kept in one object."""
HELD_BYTES = 32 << 20
"""What one that is being sent may hold, an ordinary instance at a time."""
_PIECE_BYTES = 256 << 10
_SLOW_S = 0.05
_TRIES = 12
"""While another large instance is read: some two minutes."""


@dataclass(frozen=True)
class Begun:
    """`first` of an answer, and the `rest`, None where there is none."""

    first: list[bytes]
    rest: Iterator[bytes] | None
    damaged: AbstractSet[str]
    """SOP Instance UIDs of those that were left out for it, so far."""

    @property
    def lines(self) -> Iterator[bytes]:
        """JSON of each instance, once."""
        first = deque(self.first)
        self.first.clear()
        while first:
            yield first.popleft()
        yield from self.rest or ()


def begin_metadata(
    reader: InstanceReader,
    unreadable: UnreadableInstances,
    objects: ObjectStore,
    instances: Sequence[Instance],
    root_url: str,
) -> Begun:
    """The metadata of instances, in their order, each as JSON.

    Those that cannot be decoded or are damaged are left out. Raises TooManyRequests where a large
    one has to be read first, and others are being read.
    """
    damaged: set[str] = set()
    lines = _lines(reader, unreadable, objects, instances, root_url, damaged)
    first: list[bytes] = []
    size_bytes, until_s = 0, time.monotonic() + FIRST_S
    for line in lines:
        first.append(line)
        size_bytes += len(line)
        if size_bytes > FIRST_BYTES or time.monotonic() > until_s:
            return Begun(first, lines, damaged)
    return Begun(first, None, damaged)


def as_json(lines: Iterable[bytes], *, gzipped: bool) -> Iterator[bytes]:
    """The array, in pieces."""
    packer = gzip_level_packer() if gzipped else None
    for piece in _pieces(lines):
        if packer is None:
            yield piece
        elif packed := packer.compress(piece):
            yield packed
    if packer is not None:
        yield packer.flush()


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    waiting, size_bytes, separator = [b"["], 0, b""
    for line in lines:
        waiting += (separator, line)
        size_bytes += len(line)
        separator = b","
        if size_bytes >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    waiting.append(b"]")
    yield b"".join(waiting)


def _lines(
    reader: InstanceReader,
    unreadable: UnreadableInstances,
    objects: ObjectStore,
    instances: Sequence[Instance],
    root_url: str,
    damaged: set[str],
) -> Iterator[bytes]:
    made_s = time.monotonic() + FIRST_S
    for _, of_series in groupby(instances, attrgetter("series_instance_uid")):
        members = list(of_series)
        for start in range(0, len(members), _TOGETHER):
            together = members[start : start + _TOGETHER]
            object_key = _object_key(together[0], start // _TOGETHER)
            for line in _kept_or_made(
                reader, unreadable, objects, together, object_key, made_s, damaged
            ):
                yield with_root(line, root_url)


def _kept_or_made(
    reader: InstanceReader,
    unreadable: UnreadableInstances,
    objects: ObjectStore,
    together: Sequence[Instance],
    object_key: str,
    first_until_s: float,
    damaged: set[str],
) -> Iterator[bytes]:
    keys = [content_key(one) for one in together]
    kept = KeptLines(objects, object_key)
    keeping = Keeping(keys)
    made_count, began_s = 0, time.monotonic()
    has_wrong = False
    try:
        for instance, key in zip(together, keys, strict=True):
            check_wanted()
            line = found = kept.take(key)
            if found is not None and reader.is_doubted(instance):
                # It may have been made of the wrong bytes.
                line = None
            if line is None and not is_undecodable(instance):
                may_wait = time.monotonic() > first_until_s
                try:
                    line = _made(reader, unreadable, instance, may_wait=may_wait)
                except InstanceDamaged:
                    # Noted, and tried again: it may be repaired.
                    damaged.add(instance.sop_instance_uid)
                made_count += line is not None and line != found
                has_wrong = has_wrong or found not in (None, line)
            if line is not None:
                keeping.add(key, line)
                yield line
    finally:
        # Also where the reader has gone: who asks again goes on from here.
        is_slow = time.monotonic() - began_s > _SLOW_S
        if has_wrong or made_count > 1 or (made_count and is_slow):
            keeping.keep(objects, object_key)


def _made(
    reader: InstanceReader, unreadable: UnreadableInstances, instance: Instance, *, may_wait: bool
) -> bytes | None:
    """None for one that cannot be decoded."""
    for tries_left in reversed(range(_TRIES if may_wait else 1)):
        try:
            return instance_json(reader, instance)
        except TooManyRequests:
            if not tries_left:
                raise
        except DAMAGED as error:
            leave_out(unreadable, instance, error)
            return None
    return None


def _object_key(first: Instance, number: int) -> str:
    study, series = first.study_instance_uid, first.series_instance_uid
    return f"metadata/v{VERSION}/{study}/{series}.{number}.gz"
