"""A segmentation as a person draws it, and as it was saved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.results.masks.read import SliceKey
from storage.core.findings import Code

DESCRIPTION_SUFFIX = " - drawn by a reader, research use only"
"""Of the Series Description, after the title; LO holds 64 characters."""
Aid = Literal[
    "THRESHOLD", "REGION_GROWING", "INTERPOLATION", "RESAMPLING", "MODEL", "BRUSH", "OUTLINE"
]
"""What a segment was drawn with."""
BY_HAND: frozenset[Aid] = frozenset({"BRUSH", "OUTLINE"})
"""What draws nothing of its own: with these alone a segment is MANUAL."""
TOOLS: dict[Aid, str] = {
    "MODEL": "interactive model",
    "REGION_GROWING": "region growing",
    "THRESHOLD": "threshold",
    "INTERPOLATION": "interpolation",
    "RESAMPLING": "resampling",
    "BRUSH": "brush",
    "OUTLINE": "outline",
}
"""In words, as the Segment Algorithm Name states them."""
SHORT_TOOLS: dict[Aid, str] = {**TOOLS, "MODEL": "model", "REGION_GROWING": "growing"}
"""Where the words of all are longer than an LO; each is part of the whole word."""


@dataclass(frozen=True)
class DrawnSegment:
    """One segment, whose number is its place in the list, from 1.

    `tracking_uid`: of the same segment in an earlier version; empty for a new one.
    """

    label: str
    category: Code
    type: Code
    color_rgb: tuple[int, int, int]
    laterality: Code | None = None
    aids: tuple[Aid, ...] = ()
    tracking_uid: str = ""


@dataclass(frozen=True)
class DrawnMasks:
    """`values`: uint8, shape (slices, rows, columns); n where the nth segment lies, from 1, else 0.

    Slices that are not named hold no segment.
    """

    slices: tuple[SliceKey, ...]
    values: NDArray[np.uint8]


@dataclass(frozen=True)
class SavedSegment:
    """`voxels` and `volume_mm3` as the file states them; None where it was only listed."""

    label: str
    type: Code
    color_rgb: tuple[int, int, int]
    laterality: Code | None
    tracking_uid: str
    voxels: int | None = None
    volume_mm3: float | None = None


@dataclass(frozen=True)
class SavedSegmentation:
    sop_instance_uid: str
    series_instance_uid: str
    source_series_instance_uid: str
    title: str
    author: str
    version: int
    saved_at: datetime
    segments: tuple[SavedSegment, ...]
    replaced: tuple[str, ...] = ()
    """SOP Instance UIDs of the versions before."""
    structure_set_uid: str = ""
    """Of the RT Structure Set that was saved with it; empty where none was."""
