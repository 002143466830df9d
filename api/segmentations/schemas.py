"""Segmentations of readers as JSON, and the list of what a segment may stand for."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from api.base_schemas import CodePayload, Payload, RequestBody
from inference.pipeline_output import SEGMENTS_AT_MOST
from inference.segmentations.entities import Aid

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
OptionalUid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{0,64}$")]
Label = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\\]*$"
    ),
]
Side = Literal["LEFT", "RIGHT"]
Shade = Annotated[int, Field(ge=0, le=255)]
Rgb = tuple[Shade, Shade, Shade]


class StructurePayload(Payload):
    """Something that a segment may stand for."""

    id: str = Field(examples=["kidney"])
    category: CodePayload = Field(description="PS3.16 CID 7150.")
    code: CodePayload = Field(description="Of SNOMED CT.")
    name: str
    name_de: str = Field(description="In German.")
    color_rgb: tuple[int, int, int] = Field(description="Suggested, 0 to 255.")
    may_have_side: bool = Field(description="Whether there may be a left and a right one.")


class StructureList(Payload):
    items: list[StructurePayload]


class NewSegment(RequestBody):
    """Its number is its place in the list, from 1."""

    structure: str = Field(
        max_length=64,
        pattern=r"^[a-z_]+$",
        description="`id` of `GET /api/segmentations/structures`.",
    )
    label: Label
    side: Side | None = None
    color_rgb: Rgb | None = Field(None, description="Null: as the structure suggests.")
    aids: list[Aid] = Field(
        default_factory=list,
        max_length=8,
        description="What it was drawn with. By `BRUSH` and `OUTLINE` alone, and by none, it is"
        " MANUAL, else SEMIAUTOMATIC, and its algorithm name states all of them.",
    )
    tracking_uid: OptionalUid = Field(
        "", description="Of the same segment in an earlier version; a new one gets its own."
    )


class DrawnSlice(RequestBody):
    sop_instance_uid: Uid
    frame_number: int = Field(1, ge=1)


class NewSegmentation(RequestBody):
    """What the bytes of `labels` are: slices one after the other, each row by row."""

    series_instance_uid: Uid = Field(description="The series that was drawn on.")
    title: Label = "Segmentation"
    segments: list[NewSegment] = Field(min_length=1, max_length=SEGMENTS_AT_MOST)
    slices: list[DrawnSlice] = Field(
        min_length=1,
        max_length=20_000,
        description="In the order of the bytes, of one stack of the series; slices that are not"
        " named hold no segment.",
    )
    rows: int = Field(ge=1, le=65_535)
    columns: int = Field(ge=1, le=65_535)
    predecessor_sop_instance_uid: OptionalUid = Field(
        "", description="The version that this one takes the place of; empty for a new one."
    )
    with_structure_set: bool = Field(
        False, description="Store it as RT Structure Set (contours) as well."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        tracked = [one.tracking_uid for one in self.segments if one.tracking_uid]
        if len(set(tracked)) < len(tracked):
            raise ValueError("two segments have one tracking_uid")
        return self


class SegmentPayload(Payload):
    number: int
    structure: str | None = Field(description="`id` of the list; null for a code beside it.")
    code: CodePayload
    label: str
    side: Side | None
    color_rgb: tuple[int, int, int]
    tracking_uid: str
    voxels: int | None = Field(description="Counted on saving; null in a list.")
    volume_ml: float | None = Field(description="Of the voxels; null in a list.")


class SegmentationPayload(Payload):
    """The newest version of a segmentation that a reader drew here."""

    sop_instance_uid: str
    series_instance_uid: str
    source_series_instance_uid: str
    title: str
    author: str
    version: int
    saved_at: datetime
    segments: list[SegmentPayload]
    replaces: list[str] = Field(description="SOPInstanceUIDs of the versions before.")
    structure_set_sop_instance_uid: str = Field(
        description="Of what was saved with it as RT Structure Set; empty in a list."
    )


class SegmentationList(Payload):
    items: list[SegmentationPayload]
