"""Whether SQLite's write-ahead log can be read to its end (sqlite.org/fileformat2.html, 4).

SQLite reads frames up to the first whose checksum is wrong, and passes over the rest in silence:
right where power was lost in the middle of a write, wrong where a disk changed a byte.
"""

import struct
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_MASK = 0xFFFFFFFF


def commits_lost(path: Path) -> int:
    """How many committed changes stand behind the first damaged frame; -1 where none is read."""
    if not path.is_file() or path.stat().st_size < _HEADER.size:
        return 0
    data = path.read_bytes()
    magic, _, page_bytes, _, salt_1, salt_2, *checksum = _HEADER.unpack_from(data)
    if magic not in (_MAGIC_LITTLE, _MAGIC_BIG):
        # Zeros are what is left of a log that was never begun.
        return -1 if any(data) else 0
    order = "<" if magic == _MAGIC_LITTLE else ">"
    if _checksum(data[:24], order, (0, 0)) != tuple(checksum):
        return -1
    running: tuple[int, int] = (checksum[0], checksum[1])
    position, is_right, lost = _HEADER.size, True, 0
    while position + _FRAME.size + page_bytes <= len(data):
        _, size_after_commit, salt_a, salt_b, sum_1, sum_2 = _FRAME.unpack_from(data, position)
        if (salt_a, salt_b) == (salt_1, salt_2):
            page = data[position + _FRAME.size : position + _FRAME.size + page_bytes]
            if is_right:
                running = _checksum(data[position : position + 8] + page, order, running)
                is_right = running == (sum_1, sum_2)
            if not is_right and size_after_commit:
                lost += 1
        elif is_right:
            # What was written before the log began again.
            return 0
        position += _FRAME.size + page_bytes
    return lost


def pages_of(path: Path, page_bytes: int) -> dict[int, bytes]:
    """The newest content of each page, by its number, as the commits that can be read left them."""
    if not path.is_file() or path.stat().st_size < _HEADER.size:
        return {}
    data = path.read_bytes()
    magic, _, size, _, *salts, sum_1, sum_2 = _HEADER.unpack_from(data)
    order = "<" if magic == _MAGIC_LITTLE else ">"
    running: tuple[int, int] = (sum_1, sum_2)
    if size != page_bytes or _checksum(data[:24], order, (0, 0)) != running:
        return {}
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    position = _HEADER.size
    while position + _FRAME.size + page_bytes <= len(data):
        number, size_after_commit, *frame_salts, sum_1, sum_2 = _FRAME.unpack_from(data, position)
        page = data[position + _FRAME.size : position + _FRAME.size + page_bytes]
        running = _checksum(data[position : position + 8] + page, order, running)
        if frame_salts != salts or running != (sum_1, sum_2):
            break
        pending[number] = page
        if size_after_commit:
            committed |= pending
            pending = {}
        position += _FRAME.size + page_bytes
    return committed


def _checksum(data: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second
