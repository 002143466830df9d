"""Lesions of a patient over the studies, and their sums."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.base_schemas import CodePayload, Payload
from inference.calibration.entities import Caveat
from inference.lesions.response.reasons import Reason
from storage.lesions.entities import Relation


class MatchPayload(Payload):
    """What became of a lesion since the study before.

    `outside`: the images of the other study do not show its place, so that it is neither new nor
    gone. `uncertain`: likewise of one that another lesion near it, or of another type, may be.
    """

    relation: Relation
    earlier_lesion_id: str = Field(description="Empty of one that only the later study shows.")
    later_lesion_id: str = Field(description="Empty of one that only the earlier study shows.")
    is_main: bool = Field(
        description="Of the parts of a split, and of those that merged, the one that keeps the"
        " tracking UID."
    )
    confidence: float = Field(
        description="From 0 to 1: the share of the smaller lesion that lies in the other after the"
        " images were aligned; at most 0.5 of lesions that lie close to each other alone; of one"
        " without a partner, the share that lies in no other."
    )
    method: str = Field(examples=["rigid, then deformable (demons); overlap"])
    reason: str
    decided_by: str = Field(description="The person who says so; empty where it was computed.")
    decided_at: datetime


class LesionPayload(Payload):
    lesion_id: str
    label: str = Field(description="The number is that of this study.", examples=["Liver lesion 1"])
    type: CodePayload
    tracking_uid: str = Field(description="The same over all studies, after all corrections.")
    part_of: str = Field(
        description="The tracking UID of the lesion that it has split from; its own otherwise."
    )
    stated_tracking_uid: str = Field(description="In the SEG and SR, as they were written.")
    source_series_instance_uid: str
    job_id: str
    segment_number: int = Field(
        description="Of what a reader measured: its number in the reports of the study."
    )
    long_axis_mm: float | None = Field(
        description="In the plane of the images, corrected where a reader did. Null where a reader"
        " rejected it; likewise the other sizes."
    )
    short_axis_mm: float | None = Field(description="Across it in the same image.")
    volume_mm3: float | None = Field(description="Null of what a reader measured by its axes, too.")
    caveat: str = Field(
        description="How far the sizes can be trusted, as the report states it in which a reader"
        " measured them, such as an image that was calibrated by hand; else empty."
    )
    caveat_codes: list[Caveat] = Field(description="The caveats of it that this node knows.")
    is_truncated: bool
    is_measurable: bool = Field(
        description="False of what the sums do not go by: fluid, oedema, necrosis and other types"
        " that are not measured under RECIST 1.1, a lesion that holds another, and what the"
        " model's card says so of."
    )
    is_node: bool = Field(
        description="A lymph node, of which sums of diameters hold the short axis."
    )
    match: MatchPayload | None = Field(
        description="Null at the first study, and where the studies could not be compared."
    )


class LesionVisit(Payload):
    study_instance_uid: str
    study_date: date | None
    study_time: str | None = Field(
        None, description="HH:MM:SS where another study of the table is of the same day; else null."
    )
    is_compared: bool
    lesions: list[LesionPayload]
    gone: list[MatchPayload]
    merged: list[MatchPayload] = Field(description="Lesions that are parts of others now.")
    outside: list[MatchPayload] = Field(
        description="Lesions whose place the images of this study do not show."
    )
    uncertain: list[MatchPayload] = Field(
        description="Lesions of which nobody can tell whether they are still there."
    )


class ResponsePayload(Payload):
    """Of one study; the first is the baseline."""

    study_instance_uid: str
    study_date: date | None
    sum: float | None = Field(
        description="Of the targets: mm of RECIST 1.1, mm2 of Lugano; null where not all of them"
        " are shown whole or could be followed."
    )
    baseline: float
    nadir: float = Field(description="The smallest sum up to the study before.")
    change_from_baseline_percent: float | None
    change_from_nadir_percent: float | None
    new_lesions: int
    category: Literal["baseline", "CR", "PR", "SD", "PD", "NE"]
    reason: str = Field(description="In English sentences; empty of the first study.")
    reasons: list[Reason] = Field(description="The same, a code each.")


class ResponseTable(Payload):
    target_tracking_uids: list[str]
    responses: list[ResponsePayload]


_CAVEAT = (
    "Computed from what a model found or a reader measured, unverified, research use only: no"
    " person has chosen the targets, and of non-target lesions nothing is judged but whether they"
    " are new, gone or have grown."
)


class LesionCourse(Payload):
    """What one pipeline found of a patient, oldest study first."""

    pipeline: str = Field(
        description="`drawn-lesions`: what readers measured by bidirectional measurements."
    )
    visits: list[LesionVisit]
    recist: ResponseTable = Field(
        description="In the manner of RECIST 1.1: longest diameters, of lymph nodes short axes; up"
        " to five targets of 10 mm (lymph nodes 15 mm), two of a type."
    )
    lugano: ResponseTable = Field(
        description="In the manner of Lugano: products of diameters of up to six lymph nodes above"
        " 15 mm."
    )
    caveat: str = _CAVEAT


class LesionCourses(Payload):
    items: list[LesionCourse]
