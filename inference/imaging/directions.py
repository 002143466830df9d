"""The sides of a patient: as the axes of a volume run to them, and in words."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from storage.core.findings import Direction

RAS_FROM_LPS: NDArray[np.float64] = np.diag((-1.0, -1.0, 1.0, 1.0))
"""4×4, mm: from DICOM's patient coordinates to those of NIfTI, and back."""
_ALONG_LPS: tuple[tuple[Direction, Direction], ...] = (
    ("right", "left"),
    ("anterior", "posterior"),
    ("inferior", "superior"),
)
"""Against and along the axes of LPS (PS3.3 C.7.6.2.1.1)."""
_WORDS: Mapping[Direction, str] = {
    "left": "on the left",
    "right": "on the right",
    "anterior": "in front",
    "posterior": "at the back",
    "superior": "at the top",
    "inferior": "at the bottom",
}


def direction_of(lps_from_kji: NDArray[np.float64], axis: int, *, end: bool) -> Direction:
    """Towards which side of the patient an axis of the volume runs; where it begins, without
    `end`. An oblique axis goes by what it runs along most."""
    step = lps_from_kji[:3, axis] * (1 if end else -1)
    along = int(np.abs(step).argmax())
    return _ALONG_LPS[along][int(step[along] > 0)]


def in_words(directions: Sequence[Direction]) -> str:
    """`on the left and at the top`."""
    return " and ".join(_WORDS[one] for one in directions)
