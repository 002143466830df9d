"""Metadata of successive instances as they are kept: packed while made, read piece by piece.

The first line has the names of what may follow, in order; then a line for each: the key of its
content, a space, its JSON. So it is found by content whatever came or went since.
"""

import zlib
from collections.abc import Iterator, Sequence

import structlog

from api.dicomweb.formats.responses import gzip_level_packer
from storage.core.errors import MediViewError, NotFound
from storage.objects.store import ObjectStore

log = structlog.get_logger(__name__)

_MOST_PACKED_BYTES = 4 << 20
_MOST_BYTES = 256 << 20
_PIECE_BYTES = 256 << 10
_GZIP_WBITS = 16 + zlib.MAX_WBITS


class KeptLines:
    """Of one object; asked in the order in which they were kept."""

    def __init__(self, objects: ObjectStore, object_key: str) -> None:
        self._lines = _lines_of(objects, object_key)
        names = next(self._lines, b"").split()
        self._places = {name.decode("ascii", "replace"): at for at, name in enumerate(names)}
        self._next = self._read()

    def take(self, name: str) -> bytes | None:
        """None where it was not kept; what stands before it is passed over."""
        wanted = self._places.get(name)
        while wanted is not None and self._next is not None:
            found, line = self._next
            place = self._places.get(found, -1)
            if place > wanted:
                return None
            self._next = self._read()
            if place == wanted:
                return line
        return None

    def _read(self) -> tuple[str, bytes] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        name, _, json = line.partition(b" ")
        return name.decode("ascii", "replace"), json


class Keeping:
    """Packs lines as they are made, as far as they are short."""

    def __init__(self, names: Sequence[str]) -> None:
        self._packer = gzip_level_packer()
        self._packed: list[bytes] | None = [self._packer.compress(" ".join(names).encode())]
        self._packed_bytes = self._bytes = 0

    def add(self, name: str, line: bytes) -> None:
        if self._packed is None:
            return
        packed = self._packer.compress(b"\n" + name.encode() + b" " + line)
        self._packed.append(packed)
        self._packed_bytes += len(packed)
        self._bytes += len(line)
        if self._packed_bytes > _MOST_PACKED_BYTES or self._bytes > _MOST_BYTES:
            self._packed = None

    def keep(self, objects: ObjectStore, object_key: str) -> None:
        if self._packed is None:
            return
        body = b"".join([*self._packed, self._packer.flush()])
        try:
            objects.put(object_key, body, "application/gzip")
        except MediViewError as error:
            # The copy only saves time; the answer does not depend on it.
            log.warning("metadata_not_cached", code=error.code)


def _lines_of(objects: ObjectStore, object_key: str) -> Iterator[bytes]:
    try:
        packed = objects.get(object_key)
    except NotFound:
        return
    unpacking = zlib.decompressobj(_GZIP_WBITS)
    rest: list[bytes] = []
    try:
        while not unpacking.eof:
            piece = unpacking.decompress(packed, _PIECE_BYTES)
            packed = unpacking.unconsumed_tail
            if not piece and not packed and not unpacking.eof:
                raise EOFError
            first, *further = piece.split(b"\n")
            # A line may be long: its pieces are joined once.
            rest.append(first)
            for line in further:
                yield b"".join(rest)
                rest = [line]
    except (EOFError, zlib.error):
        log.warning("metadata_unreadable", size_bytes=len(packed))
        return
    yield b"".join(rest)
