"""Findings and feedback as the API's JSON."""

from collections.abc import Sequence
from urllib.parse import urlencode

from api.base_schemas import code_payload
from api.findings.heat_maps import heat_map_payload
from api.findings.schemas import (
    AxisPayload,
    CaveatPayload,
    CurvePayload,
    FeedbackPayload,
    FindingPayload,
    ImageRefPayload,
    IntervalPayload,
    NormalRangePayload,
    PriorPayload,
    SegmentRefPayload,
    ValidityPayload,
)
from api.versioned import versioned
from storage.core.findings import (
    Curve,
    Feedback,
    Finding,
    ImageRef,
    Interval,
    Prior,
    Validity,
    former_kind,
)
from storage.core.text.dicom_values import dicom_date, dicom_time


def feedback_payload(feedback: Feedback) -> FeedbackPayload:
    return FeedbackPayload(
        feedback_id=feedback.feedback_id,
        finding_id=feedback.finding_id,
        kind=feedback.kind,
        value=feedback.value,
        unit=code_payload(feedback.unit) if feedback.unit else None,
        label=feedback.label,
        reason=feedback.reason,
        given_by=feedback.given_by,
        given_at=feedback.given_at,
        verdict=former_kind(feedback.kind),
        said_by=feedback.given_by,
        said_at=feedback.given_at,
    )


def finding_payload(
    finding: Finding,
    feedback: Sequence[Feedback] = (),
    *,
    is_withdrawn: bool = False,
    is_left_out: bool = False,
) -> FindingPayload:
    segment = finding.segmentation
    return FindingPayload(
        finding_id=finding.finding_id,
        job_id=finding.job_id,
        pipeline=finding.pipeline,
        pipeline_version=finding.pipeline_version,
        label=finding.label,
        code=code_payload(finding.code),
        value=finding.value,
        unit=code_payload(finding.unit) if finding.unit else None,
        confidence=finding.confidence,
        tracking_identifier=finding.tracking_identifier,
        tracking_uid=finding.tracking_uid,
        source_series_instance_uid=finding.series_instance_uid,
        segmentation=SegmentRefPayload(
            series_instance_uid=segment.series_instance_uid,
            sop_instance_uid=segment.sop_instance_uid,
            segment_number=segment.segment_number,
            color_rgb=segment.color_rgb,
            type=code_payload(segment.type) if segment.type else None,
            laterality=code_payload(segment.laterality) if segment.laterality else None,
        )
        if segment
        else None,
        image=_image(finding.image) if finding.image else None,
        calibration=finding.calibration,
        verification="UNVERIFIED",
        created_at=finding.created_at,
        model_url=model_url(finding.pipeline, finding.pipeline_version),
        normal_range=_normal_range(finding),
        normal_range_missing=finding.normal_range.missing if finding.normal_range else "",
        validity=_validity(finding.validity) if finding.validity else None,
        value_interval=_interval(finding.value_interval),
        curve=_curve(finding.curve),
        heat_map=heat_map_payload(finding.heat_map),
        prior=_prior(finding.prior) if finding.prior else None,
        is_withdrawn=is_withdrawn,
        is_left_out=is_left_out,
        feedback=[feedback_payload(one) for one in feedback],
    )


def model_url(pipeline: str, pipeline_version: str) -> str:
    """Where the API shows the card of the model behind a result."""
    asked = urlencode({"pipeline": pipeline, "pipeline_version": pipeline_version})
    return versioned(f"/api/models?{asked}")


def _image(image: ImageRef) -> ImageRefPayload:
    return ImageRefPayload(
        sop_instance_uid=image.sop_instance_uid,
        frame_number=image.frame_number,
        graphic_type=image.graphic_type,
        points=list(image.points),
    )


def _interval(interval: Interval | None) -> IntervalPayload | None:
    if interval is None:
        return None
    return IntervalPayload(low=interval.low, high=interval.high, level=interval.level)


def _curve(curve: Curve | None) -> CurvePayload | None:
    if curve is None:
        return None
    x, y = (
        AxisPayload(label=axis.label, code=code_payload(axis.code), unit=code_payload(axis.unit))
        for axis in (curve.x, curve.y)
    )
    return CurvePayload(x=x, y=y, points=list(curve.points))


def _validity(validity: Validity) -> ValidityPayload:
    return ValidityPayload(
        state=validity.state,
        cut_off_at=list(validity.cut_off_at),
        reason=validity.reason,
        caveats=[one.text for one in validity.caveats],
        caveat_parts=[
            CaveatPayload(kind=one.kind, limits=list(one.limits), text=one.text)
            for one in validity.caveats
        ],
    )


def _normal_range(finding: Finding) -> NormalRangePayload | None:
    stored = finding.normal_range
    if stored is None or stored.missing or finding.value is None:
        return None
    return NormalRangePayload(
        low=stored.low,
        high=stored.high,
        unit=stored.unit,
        source=stored.source,
        of_whom=stored.of_whom,
        median=stored.median,
        percentile=stored.percentile,
        z_score=stored.z_score,
        place=stored.place_of(finding.value),
        caveat=stored.caveat,
    )


def _prior(prior: Prior) -> PriorPayload:
    return PriorPayload(
        finding_id=prior.finding_id,
        study_instance_uid=prior.study_instance_uid,
        study_date=dicom_date(prior.study_date),
        study_time=dicom_time(prior.study_time),
        pipeline_version=prior.pipeline_version,
        value=prior.value,
        days=prior.days,
        change_percent=prior.change_percent,
        change_percent_per_year=None
        if prior.is_within_variation
        else prior.change_percent_per_year,
        within_variation=prior.is_within_variation,
        variation_percent=prior.variation_percent,
        relation=prior.relation,
        parts_before=prior.parts_before,
        parts_now=prior.parts_now,
        value_now=prior.value_now,
    )
