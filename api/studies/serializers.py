"""From the house's nouns to the API's JSON."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from urllib.parse import urlencode

from api.base_schemas import CodePayload
from api.deliveries.schemas import DeliveryPayload
from api.findings.schemas import (
    FeedbackPayload,
    FindingPayload,
    ImageRefPayload,
    NormalRangePayload,
    PriorPayload,
    SegmentRefPayload,
    ValidityPayload,
)
from api.jobs.schemas import DecisionPayload, JobInputPayload, JobPayload, ResultInstance
from api.studies.schemas import SeriesSummary
from storage.core.entities import (
    Code,
    Decision,
    Delivery,
    Feedback,
    Finding,
    ImageRef,
    Job,
    Prior,
    Series,
    Validity,
)

_DA = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TM = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d{1,6})?")

_STAGE_TEXT = {
    "": "Starting.",
    "loading": "Reading the instances.",
    "assembling": "Building the volume.",
    "running": "Running the model.",
    "load_model": "Loading the model.",
    "find_brain": "Finding the brain.",
    "segment": "Segmenting.",
    "clean_up": "Cleaning up the mask.",
    "classify": "Classifying.",
    "measure": "Measuring.",
    "encoding": "Writing the results as DICOM.",
    "storing": "Storing the results.",
}


_ENDED_TEXT: dict[str, str] = {
    "FAILED": "Failed.",
    "CANCELLED": "Cancelled.",
    "SUPERSEDED": "Superseded.",
}


def dicom_date(value: str) -> date | None:
    """A DA value as a date; None where it is absent or is not one (PS3.5 Table 6.2-1)."""
    match = _DA.fullmatch(value.strip())
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def dicom_time(value: str) -> str | None:
    """A TM value as HH:MM:SS; None where it is absent or is not one."""
    match = _TM.fullmatch(value.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    # 60 is a leap second.
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def stage_text(job: Job) -> str:
    """What the job is doing or became, in a sentence."""
    if job.state == "SCHEDULED":
        return "Waiting for a worker." if not job.attempts else "Waiting to be tried again."
    if job.status == "COMPLETED":
        return "Done."
    if job.status in _ENDED_TEXT:
        return job.reason or _ENDED_TEXT[job.status]
    return _STAGE_TEXT.get(job.stage) or f"{job.stage.replace('_', ' ').capitalize()}."


def job_payload(
    job: Job, findings: Sequence[FindingPayload] = (), *, patient: tuple[str, str] = ("", "")
) -> JobPayload:
    """`patient`: the name and ID to tell it by, where jobs of several studies are listed."""
    return JobPayload(
        patient_name=patient[0],
        patient_id=patient[1],
        job_id=job.job_id,
        pipeline=job.pipeline,
        pipeline_version=job.pipeline_version,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        state=job.status,
        stage=job.stage,
        stage_text=stage_text(job),
        progress=min(max(job.progress, 0.0), 1.0),
        reason=job.reason,
        attempts=job.attempts,
        priority=job.priority,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        updated_at=job.updated_at,
        results=[
            ResultInstance(
                kind=str(made.get("kind", "")),
                sop_class_uid=str(made.get("sop_class_uid", "")),
                series_instance_uid=str(made.get("series_instance_uid", "")),
                sop_instance_uid=str(made.get("sop_instance_uid", "")),
            )
            for made in job.result.get("instances", [])
        ],
        inputs=[JobInputPayload(**one) for one in job.result.get("inputs", [])],
        notes=[str(note) for note in job.result.get("notes", [])],
        model_url=model_url(job.pipeline, job.pipeline_version),
        has_label_picture=bool(job.result.get("label_picture")),
        edited_by=str(job.result.get("edited", {}).get("by", "")),
        findings=list(findings),
    )


def model_url(pipeline: str, pipeline_version: str) -> str:
    """Where the API shows the card of the model behind a result."""
    asked = urlencode({"pipeline": pipeline, "pipeline_version": pipeline_version})
    return f"/api/models?{asked}"


def code_payload(code: Code) -> CodePayload:
    return CodePayload(
        value=code.value, scheme_designator=code.scheme_designator, meaning=code.meaning
    )


def feedback_payload(said: Feedback) -> FeedbackPayload:
    return FeedbackPayload(
        feedback_id=said.feedback_id,
        finding_id=said.finding_id,
        verdict=said.verdict,
        value=said.value,
        unit=code_payload(said.unit) if said.unit else None,
        label=said.label,
        reason=said.reason,
        said_by=said.said_by,
        said_at=said.said_at,
    )


def finding_payload(
    finding: Finding,
    said: Sequence[Feedback] = (),
    normal_range: NormalRangePayload | None = None,
    *,
    is_withdrawn: bool = False,
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
        normal_range=normal_range,
        validity=_validity(finding.validity) if finding.validity else None,
        prior=_prior(finding.prior) if finding.prior else None,
        is_withdrawn=is_withdrawn,
        feedback=[feedback_payload(one) for one in said],
    )


def _image(image: ImageRef) -> ImageRefPayload:
    return ImageRefPayload(
        sop_instance_uid=image.sop_instance_uid,
        frame_number=image.frame_number,
        graphic_type=image.graphic_type,
        points=list(image.points),
    )


def _validity(validity: Validity) -> ValidityPayload:
    return ValidityPayload(
        state=validity.state,
        cut_off_at=list(validity.cut_off_at),
        reason=validity.reason,
        caveats=list(validity.caveats),
    )


def _prior(prior: Prior) -> PriorPayload:
    return PriorPayload(
        finding_id=prior.finding_id,
        study_instance_uid=prior.study_instance_uid,
        study_date=dicom_date(prior.study_date),
        pipeline_version=prior.pipeline_version,
        value=prior.value,
        days=prior.days,
        change_percent=prior.change_percent,
        change_percent_per_year=prior.change_percent_per_year,
    )


def decision_payloads(decisions: Iterable[Decision]) -> list[DecisionPayload]:
    return [
        DecisionPayload(
            study_instance_uid=decision.study_instance_uid,
            series_instance_uid=decision.series_instance_uid,
            pipeline=decision.pipeline,
            pipeline_version=decision.pipeline_version,
            accepted=decision.accepted,
            reason=decision.reason,
            job_id=decision.job_id,
            decided_at=decision.decided_at,
        )
        for decision in decisions
    ]


def delivery_payload(delivery: Delivery) -> DeliveryPayload:
    return DeliveryPayload(
        delivery_id=delivery.delivery_id,
        destination=delivery.destination,
        study_instance_uid=delivery.study_instance_uid,
        series_instance_uid=delivery.series_instance_uid,
        sop_instance_uid=delivery.sop_instance_uid,
        state=delivery.state,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        last_error=delivery.last_error,
        job_id=delivery.job_id,
        sent_at=delivery.sent_at,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
    )


def series_summary(series: Series) -> SeriesSummary:
    return SeriesSummary(
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        series_number=series.series_number,
        series_description=series.series_description,
        body_part_examined=series.body_part_examined,
        protocol_name=series.protocol_name,
        manufacturer=series.manufacturer,
        frame_of_reference_uid=series.frame_of_reference_uid,
        instance_count=series.instance_count,
        size_bytes=series.size_bytes,
        state=series.state,
        origin=series.origin,
        received_at=series.first_instance_at,
        last_instance_at=series.last_instance_at,
        completed_at=series.completed_at,
    )
