"""The one place where the node inflates what others sent (RFC 1951; PS3.5 A.5).

A deflated stream may hold a thousand times its own size, so each has a limit: `most_bytes`
in any case, and above `always_bytes` a ratio, since honest data compress well when short (a
blank slice) and seldom by more than a hundred times when long.
"""

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
        raise CannotInflate(
            "The deflated data set cannot be inflated.", remedy="Send it again."
        ) from error


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
        raise CannotInflate(
            f"The deflated data set is cut off after {len(deflated)} bytes.",
            remedy="Send it again.",
        )
    return size


def _too_large(deflated_bytes: int, limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The deflated data set of {deflated_bytes} bytes inflates beyond {limit} bytes.",
        remedy="Send it uncompressed.",
    )
