"""Measurements that people draw: saved as DICOM SR, given back as JSON."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from api.access.principal import PrincipalDep
from api.authors import author_of, check_may_verify
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.payloads.base import Payload
from api.reading_parameters import OptionalUid, Text, Title, Uid
from inference.reading.drawing import MAXIMUM_POINTS, Drawing, Measured, Quantity, Shape
from inference.reading.measurement_read import MeasurementReport
from inference.reading.measurements import measurement_reports, save_measurements
from inference.wake import wake
from storage.entities import Instance

router = APIRouter(prefix="/api/studies/{study_instance_uid}/measurements", tags=["reading"])

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class PixelStatistic(Payload):
    """What the pixels inside say; the client computes it, from the values that it shows."""

    quantity: Literal["mean", "standard_deviation", "minimum", "maximum", "value"]
    value: float = Field(allow_inf_nan=False)
    unit: str = Field(
        "1", min_length=1, max_length=16, pattern=r"^[!-~]+$", examples=["[hnsf'U]"],
        description="A UCUM code; `1` where the values have none.",
    )  # fmt: skip


class NewMeasurement(Payload):
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
        " ANGLE: end, vertex, end. COBB_ANGLE: both ends of one line, then of the other."
        " CIRCLE: the centre, then a point of the line. RECTANGLE: its corners one after the"
        " other. FREEHAND: two or more. POINT: one. ARROW: the tip, then the tail.",
    )
    is_closed: bool = Field(False, description="Of FREEHAND: its end is joined to its beginning.")
    label: Text = Field("", description="What the person says of it; the text of an ARROW.")
    tracking_uid: OptionalUid = Field(
        "", description="Of an earlier version or an earlier study; a new one gets its own."
    )
    statistics: list[PixelStatistic] = Field(default_factory=list, max_length=8)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.is_closed and self.shape != "FREEHAND":
            raise ValueError("is_closed is said of FREEHAND alone")
        if self.shape == "ARROW" and not self.label:
            raise ValueError("an ARROW needs a label")
        return self


class NewMeasurements(Payload):
    """A whole report: what is not in it is no longer said."""

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
    unit: str = Field(description="A UCUM code.", examples=["mm", "mm2", "deg"])


class MeasurementPayload(Payload):
    shape: Shape
    sop_instance_uid: str
    frame_number: int
    points: list[tuple[float, float]]
    is_closed: bool
    label: str
    tracking_uid: str
    measured: list[MeasuredPayload]


class MeasurementReportPayload(Payload):
    """One SR with what was drawn, of this node or of another viewer."""

    sop_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    title: str
    author: str
    verification: Literal["UNVERIFIED", "VERIFIED"]
    replaces: list[str] = Field(description="SOPInstanceUIDs of the versions before.")
    source: str = Field(
        description="Where it came from: `reader:NAME` was saved here, `dimse:AE` or `stow` sent."
    )
    saved_at: datetime
    measurements: list[MeasurementPayload]


class MeasurementReportList(Payload):
    items: list[MeasurementReportPayload]


@router.get("", summary="The measurements of a study", responses=problems(404))
def list_measurements(
    storage: StorageDep,
    study_instance_uid: StudyUid,
    all_versions: Annotated[
        bool, Query(description="Also those that a later version takes the place of.")
    ] = False,
) -> MeasurementReportList:
    """Read from the SR instances of the study, whoever wrote them; oldest first."""
    storage.index.study(study_instance_uid)
    found = measurement_reports(storage, study_instance_uid, all_versions=all_versions)
    return MeasurementReportList(items=[_payload(*one) for one in found])


@router.post(
    "",
    status_code=201,
    summary="Save measurements",
    responses=problems(400, 403, 404, 409, 507),
)
def add_measurements(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid, new: NewMeasurements
) -> MeasurementReportPayload:
    """Written as a Comprehensive SR (TID 1500 with TID 1501) and sent like every result.

    A version that names its predecessor takes its place; nothing is lost, the predecessor
    stays readable. 409 where somebody else saved a newer version meanwhile.
    """
    storage.index.study(study_instance_uid)
    author = author_of(principal)
    if new.verify:
        check_may_verify(author)
    saved = save_measurements(
        storage,
        study_instance_uid,
        [_drawing(one) for one in new.measurements],
        author,
        title=new.title,
        predecessor_uid=new.predecessor_sop_instance_uid,
        verified=new.verify,
    )
    wake(storage.settings)
    return _payload(*saved)


def _drawing(new: NewMeasurement) -> Drawing:
    return Drawing(
        shape=new.shape,
        sop_instance_uid=new.sop_instance_uid,
        frame_number=new.frame_number,
        points=tuple(new.points),
        label=new.label,
        tracking_uid=new.tracking_uid,
        measured=tuple(Measured(one.quantity, one.value, one.unit) for one in new.statistics),
        is_closed=new.is_closed,
    )


def _payload(report: MeasurementReport, instance: Instance) -> MeasurementReportPayload:
    return MeasurementReportPayload(
        sop_instance_uid=report.sop_instance_uid,
        series_instance_uid=report.series_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        title=report.title,
        author=report.author,
        verification="VERIFIED" if report.is_verified else "UNVERIFIED",
        replaces=list(report.replaced),
        source=instance.source,
        saved_at=instance.received_at,
        measurements=[
            MeasurementPayload(
                shape=one.shape,
                sop_instance_uid=one.sop_instance_uid,
                frame_number=one.frame_number,
                points=list(one.points),
                is_closed=one.is_closed,
                label=one.label,
                tracking_uid=one.tracking_uid,
                measured=[
                    MeasuredPayload(quantity=m.quantity, value=m.value, unit=m.unit)
                    for m in one.measured
                ],
            )
            for one in report.drawings
        ],
    )
