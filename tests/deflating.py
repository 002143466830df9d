"""Streams of deflate that become very much, without the time that packing it would take."""

import zlib
from functools import cache

MIB = 1024 * 1024


def deflated(*pieces: bytes, zeros: int = 0) -> bytes:
    """A raw stream (RFC 1951) of the pieces, and of so many zeros in whole MiB behind them."""
    deflater = zlib.compressobj(6, wbits=-zlib.MAX_WBITS)
    out = [deflater.compress(piece) for piece in pieces]
    out.append(deflater.flush(zlib.Z_FULL_FLUSH))
    return b"".join([*out, _mib_of_zeros() * (zeros // MIB), deflater.flush()])


@cache
def _mib_of_zeros() -> bytes:
    """Whole blocks that refer to nothing before them, and may follow each other."""
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return deflater.compress(bytes(MIB)) + deflater.flush(zlib.Z_FULL_FLUSH)
