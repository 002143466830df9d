"""Where the face is in the images of a series, as it travels from the process that found it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PlaneKey = tuple[str, int]
"""SOP Instance UID, and the number of the frame from 1."""


@dataclass(frozen=True)
class FaceMasks:
    """One series. `refusal`: why it cannot leave, a sentence, and then all the rest is empty.

    `planes` has each image that was looked at, packed; all are empty where no face was found.
    """

    refusal: str = ""
    remedy: str = ""
    found_by: str = ""
    """Name and version of the pipeline."""
    air: float = 0.0
    """What stands in the place of the face: a value after rescaling, HU for CT."""
    unit: str = ""
    shape: tuple[int, int] = (0, 0)
    """Rows and columns."""
    planes: Mapping[PlaneKey, bytes] = field(default_factory=dict)

    @property
    def has_face(self) -> bool:
        return any(self.planes.values())

    def plane(self, key: PlaneKey) -> NDArray[np.bool_] | None:
        """Of one frame: bool, shape (rows, columns); None of one that nobody looked at."""
        packed = self.planes.get(key)
        if packed is None:
            return None
        if not packed:
            return np.zeros(self.shape, np.bool_)
        rows, columns = self.shape
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
        plane: NDArray[np.bool_] = (
            np.unpackbits(bits, count=rows * columns).astype(np.bool_).reshape(self.shape)
        )
        return plane


def packed(plane: NDArray[np.bool_]) -> bytes:
    """Empty where nothing is marked."""
    return zlib.compress(np.packbits(plane).tobytes(), 1) if plane.any() else b""
