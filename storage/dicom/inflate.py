"""The one place where the node inflates what others sent (RFC 1951; PS3.5 A.5).

A deflated stream may hold a thousand times its own size, so each has a limit: `most_bytes`
in any case, and above `always_bytes` a ratio, since honest data compress well when short (a
blank slice) and seldom by more than a hundred times when long.
"""

import io
import zlib
from dataclasses import dataclass

from storage.core.errors import InvalidInstance, LimitExceeded

_RAW = -zlib.MAX_WBITS
_INPUT_BYTES = 16 * 1024
_OUTPUT_BYTES = 256 * 1024


@dataclass(frozen=True)
class InflateLimits:
    """What a deflated stream may grow to, in bytes; `ratio` is output to input."""

    always_bytes: int
    ratio: int
    most_bytes: int

    def of(self, deflated_bytes: int) -> int:
        """The bytes that a stream of `deflated_bytes` may hold."""
        return min(max(self.always_bytes, deflated_bytes * self.ratio), self.most_bytes)


INSTANCE = InflateLimits(always_bytes=64 << 20, ratio=100, most_bytes=1 << 30)
"""Data sets of instances: with pixels."""

MESSAGE = InflateLimits(always_bytes=1 << 20, ratio=100, most_bytes=16 << 20)
"""Identifiers and other data sets of DIMSE messages: without pixels."""


class CannotInflate(InvalidInstance):
    """The bytes are no deflated stream, or not all of one."""


def inflate(
    deflated: bytes | bytearray | memoryview,
    limits: InflateLimits = INSTANCE,
    *,
    wbits: int = _RAW,
) -> bytes:
    """The whole content of a deflated stream; what follows its end (padding) is ignored.

    What would grow beyond its limit is never held. Raises CannotInflate, and LimitExceeded
    where the stream goes on beyond the limit.
    """
    limit = limits.of(len(deflated))
    try:
        size = _size(memoryview(deflated), limit, wbits)
        # A buffer of the right size from the beginning: growing would hold it twice.
        return zlib.decompress(deflated, wbits, bufsize=max(size, 1))
    except zlib.error as error:
        raise _unreadable() from error


def _size(deflated: memoryview, limit: int, wbits: int) -> int:
    """The bytes that a stream holds, found without keeping any: a bomb costs no memory."""
    inflater = zlib.decompressobj(wbits)
    size = 0
    for start in range(0, len(deflated), _INPUT_BYTES):
        piece: bytes | memoryview = deflated[start : start + _INPUT_BYTES]
        while piece and not inflater.eof:
            size += len(inflater.decompress(piece, _OUTPUT_BYTES))
            if size > limit:
                raise _too_large(len(deflated), limit)
            piece = inflater.unconsumed_tail
    # What the last piece left inside.
    while not inflater.eof and (rest := inflater.decompress(b"", _OUTPUT_BYTES)):
        size += len(rest)
        if size > limit:
            raise _too_large(len(deflated), limit)
    if not inflater.eof:
        raise _cut_off(len(deflated))
    return size


class InflatingStream(io.RawIOBase):
    """A deflated stream as a seekable one that is inflated as far as it is read, and no further.

    `read` raises CannotInflate, and LimitExceeded beyond the limit.
    """

    name = ""

    def __init__(self, deflated: bytes, limits: InflateLimits = INSTANCE) -> None:
        self._limit = limits.of(len(deflated))
        self._deflated = deflated
        self._next, self._rest = 0, b""
        self._inflater = zlib.decompressobj(_RAW)
        self._inflated = bytearray()
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            self._inflate_to(self._limit + 1)
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: len(self._inflated),
        }[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        end = self._limit + 1 if size < 0 else self._position + size
        self._inflate_to(end)
        data = bytes(memoryview(self._inflated)[self._position : end])
        self._position += len(data)
        return data

    def _inflate_to(self, end: int) -> None:
        inflater = self._inflater
        try:
            while len(self._inflated) < end and not inflater.eof:
                # In pieces, as what is left over is copied each time.
                given = self._rest or self._deflated[self._next : self._next + _INPUT_BYTES]
                self._next += 0 if self._rest else len(given)
                piece = inflater.decompress(given, _OUTPUT_BYTES)
                self._rest = inflater.unconsumed_tail
                self._inflated += piece
                if len(self._inflated) > self._limit:
                    raise _too_large(len(self._deflated), self._limit)
                if not piece and not given and not inflater.eof:
                    raise _cut_off(len(self._deflated))
        except zlib.error as error:
            raise _unreadable() from error


def _cut_off(deflated_bytes: int) -> CannotInflate:
    return CannotInflate(
        f"The deflated data set is cut off after {deflated_bytes} bytes.", remedy="Send it again."
    )


def _unreadable() -> CannotInflate:
    return CannotInflate("The deflated data set cannot be inflated.", remedy="Send it again.")


def _too_large(deflated_bytes: int, limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The deflated data set of {deflated_bytes} bytes inflates beyond {limit} bytes.",
        remedy="Send it uncompressed.",
    )
