"""From what a pipeline measured to findings: values, codes, identity over time."""

from inference.pipeline import Classification, Measurement, Pipeline, PipelineOutput
from inference.results.identity import result_identity, stable_id, tracking_uid
from inference.scheduling.priors import Comparison
from storage.core.entities import Code, Finding, Job, SegmentRef

# Every consumer shows or encodes this very number, so none can disagree by rounding.
_DECIMALS = 3
_LABEL_SCHEME = "99MEDIVIEW"


def build_findings(
    job: Job,
    pipeline: Pipeline,
    output: PipelineOutput,
    comparison: Comparison | None = None,
) -> tuple[Finding, ...]:
    """One finding a measurement and one a classification, in the order of the output.

    Identifiers are derived: a rerun of the job repeats them, and the tracking UID of a
    structure stays when another version of the pipeline measures it. Volumes tell how much
    they have changed, where there is something to compare them with.
    """
    measured = [_measured(job, pipeline, output, one) for one in output.measurements]
    if comparison is not None:
        measured = [comparison.compared(one) for one in measured]
    return (
        *measured,
        *(_classified(job, pipeline, answer) for answer in output.classifications),
    )


def _measured(
    job: Job, pipeline: Pipeline, output: PipelineOutput, measurement: Measurement
) -> Finding:
    segmentation = None
    subject = measurement.label
    if measurement.segment_index is not None:
        segment = output.segments[measurement.segment_index]
        subject = segment.label
        identity = result_identity(job, "SEG")
        segmentation = SegmentRef(
            series_instance_uid=identity.series_instance_uid,
            sop_instance_uid=identity.sop_instance_uid,
            segment_number=measurement.segment_index + 1,
            color_rgb=segment.color_rgb,
            type=segment.type,
            laterality=segment.laterality,
        )
    return Finding(
        finding_id=stable_id(job, "measurement", subject, measurement.label),
        job_id=job.job_id,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        label=measurement.label,
        code=measurement.code,
        value=round(measurement.value, _DECIMALS),
        unit=measurement.unit,
        confidence=measurement.confidence,
        tracking_identifier=tracking_identifier(pipeline, subject),
        tracking_uid=tracking_uid(job, subject),
        segmentation=segmentation,
        created_at=job.created_at,
        validity=measurement.validity,
    )


def _classified(job: Job, pipeline: Pipeline, answer: Classification) -> Finding:
    return Finding(
        finding_id=stable_id(job, "classification", answer.label),
        job_id=job.job_id,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        label=answer.label,
        # Labels are words of the model's authors; no coding scheme stands behind them.
        code=Code(answer.label, _LABEL_SCHEME, answer.label),
        value=None,
        unit=None,
        confidence=answer.confidence,
        tracking_identifier=tracking_identifier(pipeline, answer.label),
        tracking_uid=tracking_uid(job, answer.label),
        segmentation=None,
        created_at=job.created_at,
    )


def tracking_identifier(pipeline: Pipeline, subject: str) -> str:
    """The name by which people recognise the same thing in later results."""
    return f"{pipeline.name}: {subject}"
