"""A lesion of one study, and what it was before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.core.findings import Code

AxesMethod = Literal["edges", "half-pixel", "box", "drawn"]
"""Edges: between the outermost corners of pixels, some pixel too long; until 2026-11-28.
Half-pixel: to halfway between the outermost centres and edges. Box: the edges of a detector's box.
Drawn: by a reader."""
Relation = Literal["matched", "new", "gone", "split", "merged", "outside", "uncertain"]
"""Outside: the images of the other study do not show its place, so that nobody can tell.
Uncertain: one that is near, or of another type, may be it, so that it is neither new nor gone."""


@dataclass(frozen=True)
class Lesion:
    """One segment of one job, or what a reader measured as one.

    `tracking_uid` is that of its SEG and SR, as they were written.
    """

    lesion_id: str
    job_id: str
    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    segment_number: int
    label: str
    type: Code
    tracking_uid: str
    long_axis_mm: float | None
    """In the plane of the images. A size that a reader rejected is None
    (`inference.lesions.reviewed`); as stored, both axes are there."""
    short_axis_mm: float | None
    """Perpendicular to it in the same image."""
    volume_mm3: float | None
    """None of what a reader measured by its axes, too."""
    is_truncated: bool
    is_measurable: bool | None
    """Whether sums may go by it, by the model's card or as a composite; None: as its type does."""
    points: bytes
    """float32, little endian: x, y, z in mm, LPS."""
    created_at: datetime
    axes_method: AxesMethod
    """Boxes, too, are stored as edges where they were measured before this was recorded."""
    caveat: str = ""
    """How far the sizes can be trusted, as the report states it that a reader measured them in."""


@dataclass(frozen=True)
class LesionMatch:
    """What became of a lesion, by the comparison of two studies or by a person.

    Of one without a partner, the other lesion is empty.
    """

    match_id: str
    study_instance_uid: str
    """The later study."""
    job_id: str
    """That compared; empty of what a person states."""
    later_job_id: str
    """Whose lesions were compared with earlier ones: another, where an earlier study came late."""
    relation: Relation
    earlier_lesion_id: str
    later_lesion_id: str
    is_main: bool
    """Of the parts of a split, and of those that merged, the one that keeps the identity."""
    confidence: float
    method: str
    reason: str
    decided_by: str
    decided_by_id: str
    decided_at: datetime
