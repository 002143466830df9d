"""Measurements that people draw: saved as DICOM SR, given back as JSON."""

from typing import Annotated, Literal

from fastapi import Query

from api.access.authors import author_of, check_may_verify
from api.access.confirmation import use_confirmation
from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.annotations.schemas import (
    MeasuredPayload,
    MeasurementPayload,
    MeasurementReportList,
    MeasurementReportPayload,
    NewMeasurement,
    NewMeasurements,
    StatedLength,
    TakenOverPayload,
)
from api.audit_rules import RESULTS, STORES
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.annotations.drawing import Drawing, Measured, TakenOver
from inference.annotations.measurement_read import MeasurementReport
from inference.annotations.measurements import save_measurements
from inference.annotations.stored_measurements import is_drawn_here, measurement_reports
from inference.broker.notify import wake
from inference.calibration.entities import HandCalibration
from inference.lesions.drawn import schedule_drawn_lesions
from storage.core.entities import Instance
from storage.core.sources import is_own

router = new_router(prefix="/api/studies/{study_instance_uid}/measurements", tags=["reading"])


@router.get("", summary="The measurements of a study", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def list_measurements(
    storage: StorageDep,
    study_instance_uid: StudyUid,
    all_versions: Annotated[
        bool, Query(description="Also those that a later version takes the place of.")
    ] = False,
) -> MeasurementReportList:
    """Read from all SR instances of the study, of this node or another; oldest first."""
    storage.index.study(study_instance_uid)
    found = measurement_reports(
        storage.index, storage.instances, study_instance_uid, all_versions=all_versions
    )
    return MeasurementReportList(items=[_payload(*one) for one in found])


@router.post(
    "",
    status_code=201,
    summary="Save measurements",
    responses=problems(400, 403, 404, 409, 507),
)
@policy(RADIOLOGISTS, "api:write", STORES)
def add_measurements(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid, new: NewMeasurements
) -> MeasurementReportPayload:
    """Written as a Comprehensive SR (TID 1500 with TID 1501) and sent like every result.

    A version that names its predecessor takes its place; nothing is lost, the predecessor
    stays readable. 409 where somebody else saved a newer version meanwhile, 400 where the
    calibration of the image gives a drawing no quantity (docs/calibration.md).
    `verify` is a signature: it takes a confirmation as the signing of a report does.
    Bidirectional measurements are lesions, which a job compares with those of the patient's
    other studies (`GET /api/studies/{study_instance_uid}/lesions`).
    """
    storage.index.study(study_instance_uid)
    author = author_of(principal)
    if new.verify:
        check_may_verify(author)
        use_confirmation(storage.confirmations, principal, "verify measurements")
    saved = save_measurements(
        storage,
        study_instance_uid,
        [_drawing(one) for one in new.measurements],
        author,
        title=new.title,
        predecessor_uid=new.predecessor_sop_instance_uid,
        verified=new.verify,
    )
    schedule_drawn_lesions(
        storage.index,
        storage.instances,
        storage.jobs,
        study_instance_uid,
        saved[0].sop_instance_uid,
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
        taken_over=TakenOver(source.sop_instance_uid, source.tracking_uid)
        if (source := new.taken_over_from)
        else None,
        hand_calibration=HandCalibration(by_hand.points, by_hand.length_mm)
        if (by_hand := new.hand_calibration)
        else None,
    )


def _origin(instance: Instance) -> Literal["READER", "PIPELINE", "OTHER"]:
    if is_drawn_here(instance):
        return "READER"
    return "PIPELINE" if is_own(instance.source) else "OTHER"


def _payload(report: MeasurementReport, instance: Instance) -> MeasurementReportPayload:
    return MeasurementReportPayload(
        sop_instance_uid=report.sop_instance_uid,
        series_instance_uid=report.series_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        title=report.title,
        author=report.author,
        # What others send may state anybody's name: who verified it, this node does not know.
        verification="VERIFIED" if report.is_verified and is_drawn_here(instance) else "UNVERIFIED",
        replaces=list(report.replaced),
        source=instance.source,
        origin=_origin(instance),
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
                caveat=one.caveat,
                taken_over_from=TakenOverPayload(
                    sop_instance_uid=one.taken_over.sop_instance_uid,
                    tracking_uid=one.taken_over.tracking_uid,
                    maker=one.taken_over.maker,
                )
                if one.taken_over
                else None,
                hand_calibration=StatedLength(
                    points=one.hand_calibration.points, length_mm=one.hand_calibration.length_mm
                )
                if one.hand_calibration
                else None,
            )
            for one in report.drawings
        ],
        undrawn=report.undrawn,
    )
