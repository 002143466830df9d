"""Look for many values in bytes at once.

Headers may name thousands of identifiers, each of which may stand in pixels in a dozen encodings.
"""

from collections import defaultdict
from collections.abc import Collection

import numpy as np

_PREFIX_BYTES = 4
_AT_ONCE_BYTES = 1 << 20


class ByteSearch:
    """Whether any of some values is in bytes, in time that hardly grows with their number."""

    def __init__(self, values: Collection[bytes]) -> None:
        """`values`: each of four bytes or more."""
        self._values = frozenset(values)
        lengths: defaultdict[bytes, set[int]] = defaultdict(set)
        # Which two bytes some value begins with, and which two follow in some value.
        self._first = np.zeros(1 << 16, dtype=bool)
        self._second = np.zeros(1 << 16, dtype=bool)
        for one in self._values:
            if len(one) < _PREFIX_BYTES:
                raise ValueError(f"a value of {len(one)} bytes")
            lengths[one[:_PREFIX_BYTES]].add(len(one))
            self._first[int.from_bytes(one[:2], "little")] = True
            self._second[int.from_bytes(one[2:4], "little")] = True
        self._lengths = dict(lengths)

    def is_in(self, data: bytes) -> bool:
        # Pieces overlap, so that each place begins whole in one of them.
        return any(
            self._is_at(data, start + int(place))
            for start in range(0, len(data), _AT_ONCE_BYTES)
            for place in self._places(data[start : start + _AT_ONCE_BYTES + _PREFIX_BYTES - 1])
        )

    def _places(self, piece: bytes) -> np.ndarray:
        """Where a value may begin; shape (places,)."""
        octets = np.frombuffer(piece, dtype=np.uint8).astype(np.uint16)
        pairs = octets[:-1] | (octets[1:] << 8)
        return np.flatnonzero(self._first[pairs[:-2]] & self._second[pairs[2:]])

    def _is_at(self, data: bytes, place: int) -> bool:
        lengths = self._lengths.get(data[place : place + _PREFIX_BYTES], ())
        return any(data[place : place + length] in self._values for length in lengths)
