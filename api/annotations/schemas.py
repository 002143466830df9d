"""What people draw, choose and correct: measurements, key images, edited masks."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from api.base_schemas import Payload, RequestBody
from inference.annotations.drawing import MAXIMUM_POINTS, Quantity, Shape
from inference.annotations.vertebrae import LEVELS
from inference.calibration.by_hand import GREATEST_LENGTH_MM

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
OptionalUid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{0,64}$")]
Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
    ),
]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^[^\x00-\x1f\\]*$")
]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class PixelStatistic(RequestBody):
    """What the pixels inside say; the client computes it, from the values that it shows."""

    quantity: Literal["mean", "standard_deviation", "minimum", "maximum", "value"]
    value: float = Field(allow_inf_nan=False)
    unit: str = Field(
        "1", min_length=1, max_length=16, pattern=r"^[!-~]+$", examples=["[hnsf'U]"],
        description="A UCUM code; `1` where the values have none.",
    )  # fmt: skip


class TakenOverFrom(RequestBody):
    """The report of another system or of a pipeline that a measurement was copied from."""

    sop_instance_uid: Uid = Field(description="Of a report that the list of this study holds.")
    tracking_uid: OptionalUid = Field("", description="Of the measurement that was copied.")


class StatedLength(RequestBody):
    """A line over something whose length a person knows: it calibrates the image by hand."""

    points: tuple[tuple[Coordinate, Coordinate], tuple[Coordinate, Coordinate]] = Field(
        description="Both ends, column and row."
    )
    length_mm: float = Field(gt=0, le=GREATEST_LENGTH_MM, allow_inf_nan=False)


class NewMeasurement(RequestBody):
    """One shape on one frame. Lengths, areas and angles are computed by the node."""

    shape: Shape
    sop_instance_uid: Uid = Field(description="Of the image that is drawn on.")
    frame_number: int = Field(1, ge=1)
    points: list[tuple[Coordinate, Coordinate]] = Field(
        min_length=1,
        max_length=MAXIMUM_POINTS,
        description="Column and row, as in PS3.3 C.18.6.1.1: 0, 0 is the outer corner of the"
        " first pixel, whose centre lies at 0.5, 0.5. LENGTH: both ends. BIDIRECTIONAL and"
        " ELLIPSE: both ends of one axis, then of the other (given back longer axis first)."
        " ANGLE: end, vertex, end. COBB_ANGLE: both ends of one line, then of the other, 0 to 90°."
        " LINES_ANGLE: beginning and end of one line, then of the other, 0 to 180°."
        " CIRCLE: the centre, then a point of the line. RECTANGLE: its corners one after the"
        " other. FREEHAND: two or more. POINT: one. ARROW: the tip, then the tail."
        " TEXT: where it stands. VERTEBRA: where the level lies that its label names.",
    )
    is_closed: bool = Field(False, description="Of FREEHAND: its end is joined to its beginning.")
    label: Text = Field(
        "",
        description="What the person says of it; the text of an ARROW and of a TEXT; of a VERTEBRA"
        " its level, such as T12, L1 or S1.",
    )
    tracking_uid: OptionalUid = Field(
        "", description="Of an earlier version or an earlier study; a new one gets its own."
    )
    statistics: list[PixelStatistic] = Field(default_factory=list, max_length=8)
    taken_over_from: TakenOverFrom | None = Field(
        None,
        description="Of a copy: it gets a `tracking_uid` of its own, is measured again, and the SR"
        " states where it comes from (INFERRED FROM).",
    )
    hand_calibration: StatedLength | None = Field(
        None,
        description="By what a person calibrated the image, where its header leaves the size of a"
        " pixel in doubt; the same for all that is drawn on an image. Lengths and areas follow from"
        " it, their caveat says so, and the SR keeps the line (INFERRED FROM).",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.is_closed and self.shape != "FREEHAND":
            raise ValueError("is_closed is for FREEHAND only")
        if self.shape in ("ARROW", "TEXT") and not self.label:
            raise ValueError("an ARROW and a TEXT need a label")
        if self.shape == "VERTEBRA" and self.label not in LEVELS:
            raise ValueError(f"the label of a VERTEBRA is one of {', '.join(LEVELS)}")
        return self


class NewMeasurements(RequestBody):
    """A whole report: what is not in it is removed."""

    title: Title = Field("Measurements", min_length=1)
    predecessor_sop_instance_uid: OptionalUid = Field(
        "", description="The version that this one takes the place of; empty for a new report."
    )
    measurements: list[NewMeasurement] = Field(max_length=1000)
    verify: bool = Field(
        False, description="Written as VERIFIED; for radiologists who have signed in."
    )


class MeasuredPayload(Payload):
    quantity: Quantity
    value: float
    unit: str = Field(
        description="A UCUM code; `{pixels}` where the image states no pixel size.",
        examples=["mm", "mm2", "deg", "{pixels}"],
    )


class TakenOverPayload(Payload):
    sop_instance_uid: str
    tracking_uid: str
    maker: str = Field(description="The person or device that the report names, or its sender.")


class MeasurementPayload(Payload):
    shape: Shape
    sop_instance_uid: str
    frame_number: int
    points: list[tuple[float, float]]
    is_closed: bool
    label: str
    tracking_uid: str
    measured: list[MeasuredPayload]
    caveat: str = Field(
        description="How far its lengths can be trusted, by the calibration of the image; empty"
        " where nothing speaks against them."
    )
    taken_over_from: TakenOverPayload | None = Field(
        description="Null of what is no copy: where a copy comes from."
    )
    hand_calibration: StatedLength | None = Field(
        description="By what a person calibrated the image; null where the header decides."
    )


class MeasurementReportPayload(Payload):
    """One SR with what was drawn, of this node or of another viewer."""

    sop_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    title: str
    author: str = Field(
        description="As the document states it: of what others sent (`origin`), nobody has checked"
        " whose it is."
    )
    verification: Literal["UNVERIFIED", "VERIFIED"] = Field(
        description="VERIFIED: a person who was signed in here has verified it. What others sent is"
        " UNVERIFIED, whatever it states; its Verification Flag stands in the instance."
    )
    replaces: list[str] = Field(description="SOPInstanceUIDs of the versions before.")
    source: str = Field(
        description="Where it came from: `reader:NAME` was saved here, `dimse:AE` or `stow` sent."
    )
    origin: Literal["READER", "PIPELINE", "OTHER"] = Field(
        description="READER: drawn and saved on this node. PIPELINE: a result of this node."
        " OTHER: sent by another system. A client shows what is not READER without letting it be"
        " changed, and never saves it as a reader's own."
    )
    saved_at: datetime
    measurements: list[MeasurementPayload]
    undrawn: int = Field(
        description="Measurements of the report that are no shape on an image, and are not among"
        " `measurements`: at places of the patient (SCOORD3D), at separate points (MULTIPOINT),"
        " or without a value."
    )


class MeasurementReportList(Payload):
    items: list[MeasurementReportPayload]


KeyImageTitle = Literal[
    "OF_INTEREST",
    "FOR_REFERRING_PROVIDER",
    "FOR_SURGERY",
    "FOR_TEACHING",
    "FOR_CONFERENCE",
    "FOR_PATIENT",
    "FOR_PEER_REVIEW",
    "FOR_REPORT_ATTACHMENT",
]


class KeyImagePayload(RequestBody):
    sop_instance_uid: Uid
    frame_number: int | None = Field(None, ge=1, description="Null: the whole instance.")


class NewKeyImages(RequestBody):
    """A whole selection: an image that is not in it is none any more."""

    title: KeyImageTitle = Field("OF_INTEREST", description="Of PS3.16 CID 7010.")
    description: Text = ""
    images: list[KeyImagePayload] = Field(
        max_length=1000, description="None at all withdraws the predecessor, which stays readable."
    )
    predecessor_sop_instance_uid: OptionalUid = Field(
        "", description="The version that this one takes the place of; empty for a new selection."
    )


class KeyImagesPayload(Payload):
    """One selection, of this node or of another system."""

    sop_instance_uid: str
    series_instance_uid: str
    title: str = Field(
        description="As it is given on saving, or the words of a foreign or a withdrawn one."
    )
    description: str
    author: str
    source: str = Field(
        description="Where it came from: `reader:NAME` was saved here, `dimse:AE` or `stow` sent."
    )
    saved_at: datetime
    images: list[KeyImagePayload]


class KeyImagesList(Payload):
    items: list[KeyImagesPayload]


class EditedSlice(RequestBody):
    sop_instance_uid: Uid = Field(description="Of the image that was segmented.")
    frame_number: int = Field(1, ge=1)


class MaskEdit(RequestBody):
    """What the bytes of `labels` are: slices one after the other, each row by row."""

    segment_numbers: list[int] = Field(
        min_length=1,
        max_length=255,
        description="The segments that the label map states; others stay as they are. A byte"
        " is 0 or one of these.",
    )
    slices: list[EditedSlice] = Field(
        min_length=1,
        max_length=20_000,
        description="In the order of the bytes; slices that are not named stay as they are.",
    )
    rows: int = Field(ge=1, le=65_535)
    columns: int = Field(ge=1, le=65_535)
    reason: Text = ""
