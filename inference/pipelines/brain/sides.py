"""Left and right of a brain whose labels do not tell them apart, by its own middle plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.refusals import NothingFound

_ROUNDS = 5
_FEWEST_VOXELS = 50
# The middle plane of a head that lies usably in the scanner.
_MOST_TILTED = 0.6


@dataclass(frozen=True)
class MiddlePlane:
    """Points x (mm, LPS) with normal · x > offset lie on the patient's left."""

    normal: NDArray[np.float64]
    offset: float

    def is_left(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """For points of shape (n, 3)."""
        left: NDArray[np.bool_] = points_lps_mm @ self.normal > self.offset
        return left


def middle_plane(guides_lps_mm: list[NDArray[np.float64]]) -> MiddlePlane:
    """The plane between paired structures: each guide holds the points (n, 3) of one pair.

    It is moved until it halves the lines that join the left and right centre of each pair.
    Raises NothingFound where the pairs do not lie left and right of one plane.
    """
    guides = [points for points in guides_lps_mm if len(points) >= _FEWEST_VOXELS]
    if not guides:
        raise NothingFound(
            "Too little of the deep brain was found to tell left from right.",
            remedy="Send a T1-weighted MR of a whole head.",
        )
    normal = np.array([1.0, 0.0, 0.0])
    # A guide's spread is the same on both sides, so its middle is a first guess.
    offset = float(np.median([np.ptp(points[:, 0]) / 2 + points[:, 0].min() for points in guides]))
    for _ in range(_ROUNDS):
        pairs = []
        for points in guides:
            left = points @ normal > offset
            if left.any() and not left.all():
                pairs.append((points[left].mean(axis=0), points[~left].mean(axis=0)))
        if not pairs:
            break
        across = np.sum([left - right for left, right in pairs], axis=0)
        normal = across / np.linalg.norm(across)
        offset = float(np.mean([(left + right) @ normal / 2 for left, right in pairs]))
    if not pairs or normal[0] < _MOST_TILTED:
        raise NothingFound(
            "Left and right of the brain could not be distinguished.",
            remedy="Check the position of the head in the series.",
        )
    return MiddlePlane(normal, offset)
