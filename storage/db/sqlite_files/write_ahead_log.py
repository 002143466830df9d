"""SQLite's write-ahead log, read as SQLite reads it (sqlite.org/fileformat2.html, 4).

SQLite reads frames up to the first whose checksum is wrong, and passes over the rest in silence:
right where power was lost in the middle of a write, wrong where a disk changed a byte. The
checksums are sums, so that most single flipped bits can be found and turned back.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_MASK = 0xFFFFFFFF
_SUMS = slice(16, 24)
_MOST_FLIPPED_BITS = 8
_Bytes: TypeAlias = bytes | bytearray | mmap.mmap


@dataclass(frozen=True)
class _Frame:
    position: int
    page_number: int
    size_after_commit: int
    """In pages; 0 where it is no commit."""
    is_of_this_log: bool
    """Not left by what was written before the log began again."""
    is_right: bool
    """It and all before it, as SQLite sees it."""


def log_path(index: Path) -> Path:
    """The log of a database file."""
    return index.with_name(index.name + "-wal")


def salts_of(path: Path) -> str:
    """What tells this log from those before it."""
    with path.open("rb") as file:
        return file.read(_HEADER.size)[16:24].hex()


def commits_lost(path: Path) -> int:
    """How many committed changes stand behind the first damaged frame; -1 where none is read."""
    with _contents(path) as data:
        return _commits_lost(data)


def pages_of(path: Path, page_bytes: int) -> dict[int, bytes]:
    """The newest content of each page, by its number, as the commits that can be read left them."""
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    with _contents(path) as data:
        if not data or not _is_header_right(data) or _page_bytes(data) != page_bytes:
            return {}
        for frame in _frames(data):
            if not frame.is_right:
                break
            start = frame.position + _FRAME.size
            pending[frame.page_number] = bytes(data[start : start + page_bytes])
            if frame.size_after_commit:
                committed |= pending
                pending = {}
    return committed


def without_flipped_bits(data: bytes) -> bytes | None:
    """The log as it was, where single bits hide its changes and are certain; else None."""
    whole = bytearray(data)
    for _ in range(_MOST_FLIPPED_BITS):
        if not _commits_lost(whole):
            return bytes(whole)
        if not _turn_one_back(whole):
            return None
    return None


@contextmanager
def _contents(path: Path) -> Iterator[_Bytes]:
    """Mapped, since a log may be large; empty where there is none."""
    if not path.is_file() or path.stat().st_size < _HEADER.size:
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        yield data


def _commits_lost(data: _Bytes) -> int:
    if len(data) < _HEADER.size:
        return 0
    if not _is_header_right(data):
        # Zeros are what is left of a log that was never begun.
        return -1 if any(data[: _HEADER.size]) else 0
    lost = 0
    for frame in _frames(data):
        if not frame.is_of_this_log and not lost:
            # What was written before the log began again.
            return 0
        if frame.is_of_this_log and not frame.is_right and frame.size_after_commit:
            lost += 1
    return lost


def _frames(data: _Bytes) -> Iterator[_Frame]:
    """Of a log whose header is right."""
    *_, salt_1, salt_2, sum_1, sum_2 = _HEADER.unpack_from(data)
    page_bytes, order = _page_bytes(data), _order(data)
    running: tuple[int, int] = (sum_1, sum_2)
    position, is_right = _HEADER.size, True
    while position + _FRAME.size + page_bytes <= len(data):
        number, size, salt_a, salt_b, *wanted = _FRAME.unpack_from(data, position)
        has_salts = is_of_this_log = (salt_a, salt_b) == (salt_1, salt_2)
        if is_right:
            running = _checksum(_summed(data, position), order, running)
            # What goes on from the frame before it is of this log, whatever became of its salts.
            is_of_this_log |= running == tuple(wanted)
            is_right = has_salts and running == tuple(wanted)
        yield _Frame(position, number, size, is_of_this_log, is_right)
        position += _FRAME.size + page_bytes


def _turn_one_back(data: bytearray) -> bool:
    """The first that is wrong; whether it was a single bit."""
    if not _is_header_right(data):
        return _turn_back_in_header(data)
    *_, sum_1, sum_2 = _HEADER.unpack_from(data)
    running: tuple[int, int] = (sum_1, sum_2)
    for frame in _frames(data):
        at = frame.position
        wanted: tuple[int, int] = struct.unpack(">2I", data[at : at + 24][_SUMS])
        if frame.is_right:
            running = wanted
            continue
        summed = _summed(data, at)
        found = _checksum(summed, _order(data), running)
        following = at + _FRAME.size + _page_bytes(data)
        if found == wanted:
            data[at + 8 : at + 16] = data[16:24]
            return True
        # The sum itself, or one of the last words: the next frame goes on from the right one.
        if _bits_between(found, wanted) == 1 and not _goes_on(data, following, wanted):
            struct.pack_into(">2I", data, at + 16, *found)
            return _goes_on(data, following, found)
        flipped = _flipped_bit(summed, _order(data), running, wanted)
        if flipped is None:
            return False
        offset, bit = flipped
        # The sum passes over the salts and the sums themselves.
        data[at + offset + (0 if offset < 8 else 16)] ^= bit
        return True
    return False


def _turn_back_in_header(data: bytearray) -> bool:
    wanted: tuple[int, int] = struct.unpack_from(">2I", data, 24)
    stated = int.from_bytes(data[:4])
    magic = min((_MAGIC_LITTLE, _MAGIC_BIG), key=lambda one: (one ^ stated).bit_count())
    order = "<" if magic == _MAGIC_LITTLE else ">"
    if stated != magic:
        data[:4] = magic.to_bytes(4)
        return _is_header_right(data)
    found = _checksum(bytes(data[:24]), order, (0, 0))
    if _bits_between(found, wanted) == 1 and not _goes_on(data, _HEADER.size, wanted):
        struct.pack_into(">2I", data, 24, *found)
        return _goes_on(data, _HEADER.size, found)
    flipped = _flipped_bit(bytes(data[:24]), order, (0, 0), wanted)
    if flipped is None:
        return False
    data[flipped[0]] ^= flipped[1]
    return True


def _goes_on(data: _Bytes, position: int, running: tuple[int, int]) -> bool:
    """Whether the frame there follows on these sums."""
    if position + _FRAME.size + _page_bytes(data) > len(data):
        return False
    wanted = struct.unpack_from(">2I", data, position + 16)
    return _checksum(_summed(data, position), _order(data), running) == wanted


def _is_header_right(data: _Bytes) -> bool:
    magic, *_, sum_1, sum_2 = _HEADER.unpack_from(data)
    if magic not in (_MAGIC_LITTLE, _MAGIC_BIG):
        return False
    return _checksum(bytes(data[:24]), _order(data), (0, 0)) == (sum_1, sum_2)


def _page_bytes(data: _Bytes) -> int:
    return int(_HEADER.unpack_from(data)[2])


def _order(data: _Bytes) -> str:
    return "<" if _HEADER.unpack_from(data)[0] == _MAGIC_LITTLE else ">"


def _summed(data: _Bytes, position: int) -> bytes:
    """What the checksum of a frame is of: page number, commit size and page."""
    start = position + _FRAME.size
    return bytes(data[position : position + 8] + data[start : start + _page_bytes(data)])


def _checksum(data: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    """The two sums, by which each word adds to both of them by factors of its place."""
    import numpy as np

    factors = _factors(len(data) // 8)
    words = np.frombuffer(data, f"{order}u4").astype(np.uint32)
    first, second = (int(one) for one in (factors[:, 2:] * words).sum(axis=1, dtype=np.uint32))
    (a, b), (c, d) = factors[:, :2].tolist()
    return (
        (a * start[0] + b * start[1] + first) & _MASK,
        (c * start[0] + d * start[1] + second) & _MASK,
    )


@lru_cache(maxsize=4)
def _factors(pair_count: int) -> "NDArray[np.uint32]":
    """Shape (2, 2 + words): how the sums at the start, and then each word, count in both sums."""
    import numpy as np

    columns: list[tuple[int, int]] = []
    # Of the last pair of words; each step is a pair further to the front.
    first, second = (1, 1), (0, 1)
    for _ in range(pair_count):
        columns += [second, first]
        before = first
        first, second = (((a + b) & _MASK, (a + 2 * b) & _MASK) for a, b in (first, second))
    # A sum at the start counts as its word of the first pair would one step earlier.
    return np.array([before, second, *columns[::-1]], np.uint32).T


def _bits_between(one: tuple[int, int], other: tuple[int, int]) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def _flipped_bit(
    data: bytes, order: str, start: tuple[int, int], wanted: tuple[int, int]
) -> tuple[int, int] | None:
    """The byte and its bit that make the sums what they should be, where one bit alone does.

    A word adds to both sums by factors that depend on its place alone. The sums pass over what
    exceeds 32 bits, so that the highest bits of many words are alike.
    """
    found = _checksum(data, order, start)
    missing = [(a - b) & _MASK for a, b in zip(wanted, found, strict=True)]
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    # Of the last pair of words; each step is a pair further to the front.
    factors = [(1, 1), (0, 1)]
    possible: list[tuple[int, int]] = []
    for pair in range(len(words) // 2 - 1, -1, -1):
        for which, (first, second) in enumerate(factors):
            word = words[2 * pair + which]
            for number in range(32):
                change = (1 << number) if not word >> number & 1 else -(1 << number)
                if [change * first & _MASK, change * second & _MASK] == missing:
                    byte = number // 8 if order == "<" else 3 - number // 8
                    possible.append((4 * (2 * pair + which) + byte, 1 << number % 8))
        factors = [((a + b) & _MASK, (a + 2 * b) & _MASK) for a, b in factors]
    return possible[0] if len(possible) == 1 else None
