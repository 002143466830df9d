"""Sessions of interactive models as JSON. Coordinates are of the patient, LPS in mm."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.base_schemas import Payload, RequestBody
from storage.core.text.outside_text import clean_text
from storage.interactive.entities import (
    POINTS_AT_MOST,
    POINTS_OF_A_SHAPE_AT_MOST,
    SHAPES_AT_MOST,
)

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^[^\x00-\x1f\\]*$")
]
Millimetres = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Position = tuple[Millimetres, Millimetres, Millimetres]


class InteractiveModelPayload(Payload):
    """A model that segments what is clicked."""

    name: str = Field(examples=["click-vista3d"])
    version: str
    title: str
    description: str
    modality: str = Field(description="That it was made for; empty where it does not say.")
    structures: list[str] = Field(description="That it knows by name.")
    needs_structure: bool = Field(
        description="It segments only what it has a name for; else also what is clicked."
    )
    interactions: list[Literal["point", "box", "scribble", "lasso"]] = Field(
        description="What it can be shown."
    )
    takes_initial_mask: bool = Field(
        description="It can begin with a segment of a stored Segmentation, and correct it."
    )
    is_ready: bool
    reason: str = Field(description="Why it cannot be used just now; empty where it can.")


class InteractiveModelList(Payload):
    is_available: bool
    reason: str = Field(description="Why no session can be opened at all; empty where one can.")
    remedy: str
    items: list[InteractiveModelPayload]


class NewInteractiveSession(RequestBody):
    study_instance_uid: Uid
    series_instance_uid: Uid
    model: Name = Field(min_length=1, description="`name` of `GET /api/interactive/models`.")
    structure: Name = Field(
        "", description="One of the model's structures; empty: what is clicked, if the model can."
    )


class ClickedPoint(RequestBody):
    lps_mm: Position = Field(description="Of the patient, LPS in mm; inside of the volume.")
    inside: bool = Field(True, description="False: the structure must not contain it.")


class DrawnShape(RequestBody):
    """Of a model that takes more than points and one box."""

    kind: Literal["box", "scribble", "lasso"]
    inside: bool = Field(True, description="False: the structure must not contain it.")
    lps_mm: list[Position] = Field(
        min_length=1,
        max_length=POINTS_OF_A_SHAPE_AT_MOST,
        description="Of a scribble or a lasso the points of its line, in one slice or in one plane"
        " along rows or columns; the last point of a lasso is joined with its first. Of a box two"
        " opposite corners.",
    )


class InitialMaskBody(RequestBody):
    """A segment of a Segmentation of the session's series."""

    sop_instance_uid: Uid
    segment_number: int = Field(ge=1, le=65_535)


class Clicks(RequestBody):
    """All points, the box, the shapes and the initial mask that hold from now on: without the last
    one, it is taken back."""

    points: list[ClickedPoint] = Field(max_length=POINTS_AT_MOST)
    box: tuple[Position, Position] | None = Field(
        None,
        description="Two opposite corners, LPS in mm; the edges run along the axes of the volume."
        " Bundles: nothing outside belongs to the mask, and without a point inside, its centre is"
        " one. nnInteractive: the structure is in it.",
    )
    shapes: list[DrawnShape] = Field([], max_length=SHAPES_AT_MOST)
    initial: InitialMaskBody | None = Field(
        None,
        description="With which the model begins, before everything else; of models whose"
        " `takes_initial_mask` is true.",
    )


def _printable(text: str) -> str:
    if clean_text(text) != text:
        raise ValueError("has a character of control or of direction")
    return text


class CodeOfStructure(RequestBody):
    value: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,16}$")]
    scheme_designator: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,16}$")]
    meaning: Annotated[
        str,
        StringConstraints(min_length=1, pattern=r"^[^\x00-\x1f\\]{1,64}$"),
        AfterValidator(_printable),
    ]


class AcceptMask(RequestBody):
    number: int = Field(ge=1, description="`number` of the session whose mask is accepted.")
    label: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\\]{0,64}$"),
        AfterValidator(_printable),
    ] = Field("", description="Of the segment; empty: as the model calls it.")
    code: CodeOfStructure | None = Field(
        None, description="Segmented Property Type; left out: as the model's card codes it."
    )


class ClickedPointPayload(Payload):
    lps_mm: Position
    inside: bool


class DrawnShapePayload(Payload):
    kind: Literal["box", "scribble", "lasso"]
    inside: bool
    lps_mm: list[Position]


class InitialMaskPayload(Payload):
    sop_instance_uid: str
    segment_number: int


class GridSource(Payload):
    sop_instance_uid: str
    frame_number: int


class GridPayload(Payload):
    """The volume on which masks lie."""

    slices: int
    rows: int
    columns: int
    lps_from_kji: list[list[float]] = Field(
        description="4×4: from (slice, row, column), from 0, to the centre of a voxel in mm."
    )
    sources: list[GridSource] = Field(description="Of which frame each slice is.")


class MaskPayload(Payload):
    """The part of the volume that holds all voxels of the mask."""

    start: tuple[int, int, int] = Field(description="Its first slice, row and column, from 0.")
    shape: tuple[int, int, int]
    bits: str = Field(
        description="base64 of gzip of a bit a voxel: slices, rows, columns, each byte from its"
        " lowest bit."
    )


class SessionProblemPayload(Payload):
    code: str
    detail: str
    remedy: str


class InteractiveSessionPayload(Payload):
    session_id: str
    study_instance_uid: str
    series_instance_uid: str
    model: str
    model_version: str
    structure: str
    state: Literal["opening", "ready", "ended"]
    reason: str = Field(description="Why it is over.")
    created_at: datetime
    number: int = Field(description="Of the last change of points and box.")
    answered: int = Field(description="Of the change that the mask answers.")
    points: list[ClickedPointPayload]
    box: tuple[Position, Position] | None
    shapes: list[DrawnShapePayload]
    initial: InitialMaskPayload | None = Field(description="With which the model began.")
    problem: SessionProblemPayload | None = Field(
        description="Why the last change gave no mask, or the mask was not saved."
    )
    voxels: int
    took_ms: int = Field(description="What the model took for the mask.")
    grid: GridPayload | None = Field(description="Null while it is opening.")
    mask: MaskPayload | None = Field(
        description="Null where no voxel belongs to it, or none is asked for yet."
    )
