"""A mask as bits of the box that holds it: what a session sends instead of a whole volume.

Order of the bits: slices, rows, columns, each byte from its lowest bit, as in the pixels of a
BINARY Segmentation (PS3.5 8.1.1).
"""

import gzip
import math

import numpy as np
from numpy.typing import NDArray

from storage.core.errors import InvalidRequest
from storage.dicom.inflate import CannotInflate, InflateLimits, inflate
from storage.interactive.entities import MaskPlace

AT_MOST_BYTES = 16 * 1024 * 1024
_GZIP = 31


def mask_bits(mask: NDArray[np.bool_]) -> tuple[MaskPlace | None, bytes]:
    """Where in the volume the voxels lie, and gzip of their bits; None and nothing without any.

    Raises InvalidRequest where more than 16 MiB would be left.
    """
    if not mask.any():
        return None, b""
    spans = []
    for axis in range(3):
        others = tuple(one for one in range(3) if one != axis)
        found = np.flatnonzero(mask.any(axis=others))
        spans.append((int(found[0]), int(found[-1]) + 1))
    (k0, k1), (j0, j1), (i0, i1) = spans
    part = mask[k0:k1, j0:j1, i0:i1]
    packed = gzip.compress(np.packbits(part, axis=None, bitorder="little").tobytes(), 3, mtime=0)
    if len(packed) > AT_MOST_BYTES:
        raise InvalidRequest(
            f"The mask takes {len(packed) >> 20} MiB, compressed; {AT_MOST_BYTES >> 20} are the"
            " most.",
            remedy="It is noise rather than a structure. Undo the click, or choose another model.",
        )
    shape = (k1 - k0, j1 - j0, i1 - i0)
    return {"start": (k0, j0, i0), "shape": shape}, packed


def mask_of(place: MaskPlace, packed: bytes, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """The mask on the volume of this shape. Raises InvalidRequest where the bits are others."""
    size = math.prod(place["shape"])
    expected = math.ceil(size / 8)
    limits = InflateLimits(always_bytes=expected, ratio=0, most_bytes=expected)
    try:
        bits = inflate(packed, limits, wbits=_GZIP)
    except CannotInflate as error:
        raise InvalidRequest("The mask cannot be read.", remedy="Click again.") from error
    part = np.unpackbits(np.frombuffer(bits, np.uint8), count=size, bitorder="little")
    mask = np.zeros(shape, np.bool_)
    region = tuple(
        slice(start, start + length)
        for start, length in zip(place["start"], place["shape"], strict=True)
    )
    mask[region] = part.reshape(place["shape"]).astype(np.bool_)
    return mask
