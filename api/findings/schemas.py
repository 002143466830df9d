"""Findings, and what people say of them."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.base_schemas import CodePayload, Payload
from api.findings.heat_maps import HeatMapPayload
from storage.core.caveats import CaveatKind, Limit
from storage.core.findings import Direction, FeedbackKind, FormerKind

MODEL_URL_EXAMPLE = "/api/v1/models?pipeline=brain-volume&pipeline_version=1.1.0"


class SegmentRefPayload(Payload):
    """The segment that a finding was measured on."""

    series_instance_uid: str
    sop_instance_uid: str
    segment_number: int = Field(ge=1)
    color_rgb: tuple[int, int, int] = Field(examples=[(230, 180, 60)])
    type: CodePayload | None = Field(
        None, description="What the segment is; null in results of older versions of the node."
    )
    laterality: CodePayload | None = Field(
        None, description="Left or right, where `type` stands for both sides."
    )


class ImageRefPayload(Payload):
    """The single image that a finding is about, and where in it."""

    sop_instance_uid: str
    frame_number: int | None = Field(
        description="From 1; null of a single-frame image, and where all frames are meant."
    )
    graphic_type: Literal["", "POINT", "POLYLINE"] = Field(
        description="Empty where the whole image is meant."
    )
    points: list[tuple[float, float]] = Field(
        description="Column and row each, with fractions; 0, 0 is the upper left corner of the"
        " upper left pixel. Of a POLYLINE that is closed the last point is as the first.",
        examples=[[(10.0, 20.0), (40.0, 20.0), (40.0, 60.0), (10.0, 60.0), (10.0, 20.0)]],
    )


class FeedbackPayload(Payload):
    """Feedback of a person on a finding; the finding itself stays as it was stated."""

    feedback_id: str
    finding_id: str
    kind: FeedbackKind
    value: float | None = Field(description="The right value, where the kind is CORRECTED.")
    unit: CodePayload | None
    label: str = Field(description="The right name; empty where it stays.")
    reason: str
    given_by: str = Field(examples=["dr-jones"])
    given_at: datetime
    verdict: FormerKind = Field(
        description="The former name of `kind`, with EDITED for CORRECTED.", deprecated=True
    )
    said_by: str = Field(description="The former name of `given_by`.", deprecated=True)
    said_at: datetime = Field(description="The former name of `given_at`.", deprecated=True)


class FeedbackList(Payload):
    items: list[FeedbackPayload]


class LimitsPayload(Payload):
    """Values that a source calls normal, ends included; null: open to that side."""

    low: float | None
    high: float | None
    unit: str = Field(examples=["cm3"])
    source: str = Field(description="Who says so.")


class NormalRangePayload(LimitsPayload):
    """Where the value lies among those of a reference population, decided when it was measured."""

    of_whom: str = Field(
        description="The people whose values these are; empty: anybody.",
        examples=["men of 45 years and 175 cm"],
    )
    median: float | None
    percentile: float | None = Field(
        description="From 0 to 100, of the value as it was measured. Null where the source states"
        " limits alone, as `z_score`.",
        examples=[34.1],
    )
    z_score: float | None
    place: Literal["below", "within", "above"] | None = Field(
        description="Of the value; null where nothing is to be concluded from it (`caveat`)."
    )
    caveat: str = Field(description="Why a value outside is not called low or high.")


class CaveatPayload(Payload):
    kind: CaveatKind
    limits: list[Limit] = Field(
        description="What of the population the model was made for does not hold; empty of others."
    )
    text: str = Field(description="In English, with all details.")


class ValidityPayload(Payload):
    """Whether the value can stand for the structure.

    A truncated value is that of a part within the images; an implausible one failed a check of
    what the model found. Both are left out of totals, trends and comparisons.
    """

    state: Literal["complete", "truncated", "implausible"]
    cut_off_at: list[Direction] = Field(
        description="Sides of the patient at which the images cut the structure off."
    )
    reason: str = Field(examples=["The images cut it off on the right."])
    caveats: list[str] = Field(
        default=[],
        description="What a reader must know of the value, a sentence each, such as that the"
        " patient is outside the population the model was made for.",
    )
    caveat_parts: list[CaveatPayload] = Field(
        default=[], description="The same, with what each is of, for other languages."
    )


class PriorPayload(Payload):
    """The same quantity of the same structure at the patient's study before."""

    finding_id: str
    study_instance_uid: str
    study_date: date | None
    study_time: str | None = Field(
        None, description="HH:MM:SS where both studies are of one day; else null."
    )
    pipeline_version: str = Field(description="Of the prior; another version may measure apart.")
    value: float = Field(description="As a person corrected it, where one did.")
    days: int = Field(description="From the prior's study date to this one.")
    change_percent: float = Field(
        description="Of the earlier value. Not to be stated as a change where `within_variation`."
    )
    change_percent_per_year: float | None = Field(
        description="Null where the studies lie less than 30 days apart, within the variation, and"
        " where it would be below -100: nothing can lose more than all of it."
    )
    within_variation: bool = Field(
        description="Whether the two values lie no further apart than two measurements of the same"
        " may: no change is stated then, in the report draft, the SR and the PDF neither."
    )
    variation_percent: float = Field(
        description="The limit of that, in percent of the earlier value: 3 at least, and more of"
        " what is small or was measured on coarse voxels.",
        examples=[3.2],
    )

    relation: Literal["", "merged", "split"] = Field(
        description="Of a lesion that merged from several, or is a part of one that has split:"
        " `value` and the change are then of all parts together. Empty of all else; of lesions that"
        " were regrouped otherwise there is no prior."
    )
    parts_before: int = Field(description="Lesions of the earlier study that `value` is of.")
    parts_now: int = Field(description="Lesions of this study that the change is of.")
    value_now: float | None = Field(
        description="Of a split: of all parts now together; else null, for the finding's value."
    )


class TrendPoint(Payload):
    finding_id: str
    study_instance_uid: str
    study_date: date | None
    study_time: str | None = Field(
        None, description="HH:MM:SS where another point is of the same day; else null."
    )
    pipeline_version: str
    value: float = Field(description="As a person corrected it, where one did.")
    is_corrected: bool
    is_joined: bool = Field(
        False,
        description="A lesion that merged or split since the point before, which is of another"
        " whole: no line joins the two.",
    )
    not_compared: str = Field(
        description="Of a lung density: why it cannot be compared with the points before, such as"
        " those of another kernel; no line joins it to them. Empty where it can.",
        examples=["kernel B30f then, B70f now"],
    )
    caveats: list[str] = Field(
        description="What a reader must know of the value, a sentence each; none of one that a"
        " person gave.",
    )
    percentile: float | None = Field(
        description="Among the values of a reference population; null of a corrected value."
    )


class Trend(Payload):
    """One quantity of one structure over the studies of a patient, oldest first."""

    pipeline: str
    tracking_identifier: str
    label: str
    unit: CodePayload | None
    points: list[TrendPoint]


class TrendList(Payload):
    items: list[Trend]


class IntervalPayload(Payload):
    """Between which values the true one lies, by the model's word, in the unit of the value."""

    low: float
    high: float
    level: float = Field(description="How often it does, from 0 to 1.", examples=[0.95])


class AxisPayload(Payload):
    label: str = Field(examples=["Time"])
    code: CodePayload
    unit: CodePayload = Field(description="A UCUM code.")


class CurvePayload(Payload):
    """Values over a numeric axis, such as the enhancement over time."""

    x: AxisPayload
    y: AxisPayload
    points: list[tuple[float, float]] = Field(description="x and y each, by ascending x.")


class FindingPayload(Payload):
    """One coded statement of a pipeline, with its evidence."""

    finding_id: str
    job_id: str
    pipeline: str = Field(examples=["brain-volume"])
    pipeline_version: str = Field(examples=["1.0.0"])
    label: str = Field(examples=["Brain volume"])
    code: CodePayload
    value: float | None = Field(examples=[1791.7])
    unit: CodePayload | None = Field(description="A UCUM code.")
    confidence: float | None = Field(
        description="From 0 to 1, where the pipeline states one; null where it does not."
    )
    tracking_identifier: str
    tracking_uid: str
    source_series_instance_uid: str = Field(description="The series that was measured.")
    segmentation: SegmentRefPayload | None
    image: ImageRefPayload | None = Field(
        None, description="Of what was found in a single image; null of a volume."
    )
    calibration: str = Field(
        "",
        description="How the confidence was calibrated, as the model's card states; empty where"
        " nobody says, so that it need not be a probability in the strict sense.",
    )
    verification: Literal["UNVERIFIED"] = Field(
        "UNVERIFIED",
        description="Of the statement itself (PS3.3 Table C.17-2): a machine made it. What"
        " people say of it stands in `feedback`.",
    )
    created_at: datetime
    model_url: str = Field(
        "", description="The card of the model behind it.", examples=[MODEL_URL_EXAMPLE]
    )
    normal_range: NormalRangePayload | None = Field(
        None, description="By the site's reference values, or by the model's card."
    )
    normal_range_missing: str = Field(
        "",
        description="Why none is stated, where there are reference values for this measurement.",
        examples=["The reference values ask for the patient's age."],
    )
    validity: ValidityPayload | None = Field(
        None,
        description="Null of what has no extent, such as a classification, and in results of"
        " older versions of the node.",
    )
    value_interval: IntervalPayload | None = Field(
        None, description="Of the value as it was stated; null where the model states none."
    )
    curve: CurvePayload | None = Field(
        None, description="What the value was read from, where that is a curve."
    )
    heat_map: HeatMapPayload | None = Field(
        None,
        description="Of a classification of an image: which parts of it counted, where the model's"
        " card asks for that.",
    )
    prior: PriorPayload | None = Field(
        None, description="Of volumes: what the patient's study before measured."
    )
    is_withdrawn: bool = Field(
        False,
        description="Whether the series has changed since, or a further run gave other results, so"
        " that it counts no more.",
    )
    is_left_out: bool = Field(
        False,
        description="Whether it is a total or share that holds a value which a person rejected or"
        " corrected, so that reports and comparisons leave it out.",
    )
    feedback: list[FeedbackPayload] = Field(
        default_factory=list, description="All feedback, oldest first; the last counts."
    )


class FindingList(Payload):
    items: list[FindingPayload]
