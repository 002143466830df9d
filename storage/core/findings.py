"""Findings: what pipelines state of images, and the feedback on it.

A pipeline gives a `Measurement` (`inference.pipeline_output`), `inference.findings.build` makes a
finding of it; it is stored by `storage.findings` and leaves by `api.findings`, `api.fhir` and
`inference.results.sr`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from storage.core.caveats import Caveat
from storage.core.results.heat_maps import HeatMap
from storage.core.results.lesion_terms import (
    ANATOMICAL,
    LESION_TYPES,
    number_of_lesions,
    without_total,
)

FeedbackKind = Literal["ACCEPTED", "REJECTED", "CORRECTED"]
FormerKind = Literal["ACCEPTED", "REJECTED", "EDITED"]
Direction = Literal["left", "right", "anterior", "posterior", "superior", "inferior"]
"""Of the patient: the six ways along the axes of LPS (PS3.3 C.7.6.2.1.1)."""


VOLUME_VARIATION_PERCENT = 3.0
"""Of the earlier volume: a smaller change is within the variation of the measurement. The least
that is taken of any volume; `storage.core.variation` adds what the voxels leave open."""


@dataclass(frozen=True)
class Code:
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str
    scheme_designator: str
    meaning: str


NO_UNITS = Code("1", "UCUM", "no units")
"""Of a share, a score or a count."""


@dataclass(frozen=True)
class Interval:
    """Between which values the true one lies, by the model's word, in the unit of the value.

    `level`: how often it does, from 0 to 1: 0.95.
    """

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Axis:
    """One axis of a curve: what it is of, and its UCUM unit."""

    label: str
    code: Code
    unit: Code


@dataclass(frozen=True)
class Curve:
    """Values over a numeric axis: enhancement over time, volume over dose.

    `points`: (x, y) each, by ascending x.
    """

    x: Axis
    y: Axis
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SegmentRef:
    series_instance_uid: str
    sop_instance_uid: str
    segment_number: int
    color_rgb: tuple[int, int, int]
    type: Code | None = None
    """What the segment is; None where an older version of the node stored it."""
    laterality: Code | None = None
    """Left or right, where `type` stands for both."""
    category: Code | None = None
    """What `type` is one of (PS3.16 CID 7150); None where an older version stored it."""

    @property
    def shows_anatomy(self) -> bool:
        """Whether `type` is a place in the body: that of a lesion says what it is, not where."""
        if self.category is not None:
            return self.category.value in ANATOMICAL
        return self.type is not None and self.type.value not in LESION_TYPES


@dataclass(frozen=True)
class ImageRef:
    """The image that a finding is about, and where in it.

    `frame_number` counts from 1 and is None of a single-frame image. `points` are (column, row),
    0, 0 being the upper left corner of the upper left pixel (PS3.3 C.18.6.1.2): of a POLYLINE,
    the last as the first; none where the whole image is meant.
    """

    sop_instance_uid: str
    frame_number: int | None = None
    graphic_type: Literal["", "POINT", "POLYLINE"] = ""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Surface:
    """How much surface a measured mask has, and how fine the voxels are that it was drawn with."""

    area_mm2: float
    depth_mm: float
    """Edge of the voxels across the surface, averaged over it; of what the model saw, where those
    are coarser."""
    fixed_grid_mm: float = 0.0
    """Edge of the voxels on which the model sees every series alike (`FixedGrid` of its card); 0
    where it does not."""


@dataclass(frozen=True)
class Acquisition:
    """How the images were made, as far as it decides what may be compared."""

    kernel: str = ""
    """ConvolutionKernel as stated; empty where it is not known."""
    slice_thickness_mm: float | None = None
    laterality: str = ""
    """Which side of the body the images state: L, R, or B of both; empty where it is not known."""


@dataclass(frozen=True)
class Validity:
    """Whether a measurement can stand for the structure.

    A truncated one states a part of the structure; an implausible one failed a check of what
    the model found. Neither enters a total, trend or comparison.
    """

    state: Literal["complete", "truncated", "implausible"]
    cut_off_at: tuple[Direction, ...] = ()
    """At which sides of the images the structure is cut off; empty where it is complete."""
    reason: str = ""
    """The same in a sentence, or what is not plausible; of a category by a rule why it is this one;
    else empty where it is complete."""
    caveats: tuple[Caveat, ...] = ()
    """What a reader must know of a value that stands all the same."""
    surface: Surface | None = field(default=None, compare=False)
    """Of a volume: by which `storage.core.variation` knows how far it may be off. None where an
    older version of the node stored it, or nothing was drawn."""
    acquisition: Acquisition | None = field(default=None, compare=False)
    """Of a density or a volume, and of all numbers where the side is stated
    (`storage.core.acquisition`); None where an older version stored it."""


@dataclass(frozen=True)
class Prior:
    """The same quantity of the same structure at an earlier study of the patient.

    `value` has the unit of the finding that it is compared with. `report_*` name the SR that
    states it, and are empty where there is none any more.
    """

    finding_id: str
    study_instance_uid: str
    study_date: str
    pipeline_version: str
    value: float
    days: int
    change_percent: float
    change_percent_per_year: float | None
    """None where the studies lie too close together for a rate, or nothing changed that could be
    distinguished from the variation of the measurement."""
    report_sop_class_uid: str = ""
    report_series_instance_uid: str = ""
    report_sop_instance_uid: str = ""
    variation_percent: float = VOLUME_VARIATION_PERCENT
    """Below it a change is not stated: two measurements of the same may lie so far apart."""
    relation: Literal["", "merged", "split"] = ""
    """Of a lesion that is not what it was alone: `value` is then of all its earlier parts, and the
    change that of all parts together."""
    parts_before: int = 1
    parts_now: int = 1
    value_now: float | None = None
    """Of a split: of all parts now, the finding's own with them."""
    study_time: str = ""
    """TM, where both studies are of one day: the day alone does not name the earlier one."""

    @property
    def is_within_variation(self) -> bool:
        """Whether the change cannot be distinguished from the variation of the measurement."""
        return abs(self.change_percent) < self.variation_percent


@dataclass(frozen=True)
class NormalRange:
    """Where a finding's value lies among those of a reference population.

    Decided when the finding is made. `missing` says why none is stated, where a source knows the
    measurement and yet nothing of it fits; all else is empty then.
    """

    unit: str = ""
    """UCUM code; that of the finding."""
    low: float | None = None
    """Values that the source calls normal, ends included; None: open to that side."""
    high: float | None = None
    source: str = ""
    of_whom: str = ""
    """The people whose values these are, in English; empty: anybody. `sex`, ages and height are
    the same for other languages, as far as the source goes by them."""
    median: float | None = None
    percentile: float | None = None
    """From 0 to 100; None where the source states limits alone, as for the two beside it."""
    z_score: float | None = None
    caveat: str = ""
    """Why a value outside is not called low or high; empty where it is."""
    missing: str = ""
    sex: str = ""
    age_from: float | None = None
    age_to: float | None = None
    """In years; equal to `age_from` where the values are of one age."""
    height_cm: float | None = None
    ages_contradict: bool = False
    """Whether it is missing because two statements of the patient's age contradict each other."""

    def place_of(self, value: float) -> Literal["below", "within", "above"] | None:
        """None where nothing is to be concluded from it."""
        if self.missing or self.caveat or (self.low, self.high) == (None, None):
            return None
        if self.low is not None and value < self.low:
            return "below"
        return "above" if self.high is not None and value > self.high else "within"


@dataclass(frozen=True)
class Finding:
    finding_id: str
    job_id: str
    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    label: str
    code: Code
    value: float | None
    unit: Code | None
    """A UCUM code."""
    confidence: float | None
    tracking_identifier: str
    tracking_uid: str
    segmentation: SegmentRef | None
    created_at: datetime
    prior: Prior | None = None
    validity: Validity | None = None
    """None of what has no extent (a classification, a count), and where an older version of
    the node stored it."""
    image: ImageRef | None = None
    """Of what was found in a single image rather than in a volume."""
    calibration: str = ""
    """How the confidence was calibrated, as the model's card states; empty where it does not."""
    normal_range: NormalRange | None = None
    """None where no source knows the measurement."""
    value_interval: Interval | None = None
    """Of the value as it was stated; None where the model states none."""
    curve: Curve | None = None
    """What the value was read from, where that is a curve."""
    heat_map: HeatMap | None = None
    """Of a classification of an image: which parts of it counted, where that was asked for."""

    @property
    def quantity_label(self) -> str:
        """The label without of how many lesions it is a total, which differs between studies."""
        return without_total(self.label)

    @property
    def total_of(self) -> str:
        """Of how many lesions it is a total: "3", "1+" of more than are counted; else empty."""
        return number_of_lesions(self.label)

    @property
    def is_truncated(self) -> bool:
        """Whether the value is that of a part of the structure."""
        return self.validity is not None and self.validity.state == "truncated"

    @property
    def is_implausible(self) -> bool:
        """Whether the value failed a check of what the model found."""
        return self.validity is not None and self.validity.state == "implausible"

    @property
    def is_sound(self) -> bool:
        """Whether the value stands for the structure, so that it may be compared."""
        return self.validity is None or self.validity.state == "complete"

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        return () if self.validity is None else self.validity.caveats

    @property
    def caveat_texts(self) -> tuple[str, ...]:
        return tuple(one.text for one in self.caveats)


@dataclass(frozen=True)
class Feedback:
    """What a person says of a finding. It stands beside the finding and never changes it."""

    feedback_id: str
    finding_id: str
    study_instance_uid: str
    kind: FeedbackKind
    value: float | None
    """The value that the person holds to be right; of CORRECTED alone."""
    unit: Code | None
    label: str
    """The name that the person holds to be right; empty where it stays."""
    reason: str
    given_by: str
    given_at: datetime
    verifies: bool = False
    """Given by a person whose feedback verifies a report."""
    given_by_id: str = ""
    """The identity of `given_by`; empty of what older versions wrote."""

    @property
    def author_id(self) -> str:
        """What tells authors apart; the name alone where no more is known."""
        return self.given_by_id or self.given_by


def former_kind(kind: FeedbackKind) -> FormerKind:
    """The kind as it was called in `verdict`, which is deprecated."""
    return "EDITED" if kind == "CORRECTED" else kind
