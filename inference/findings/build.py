"""From what a pipeline measured to findings: values, codes, identity over time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from inference.findings.comparison import Comparison
from inference.findings.facts import fact_of
from inference.findings.normal_ranges import NormalRanges
from inference.findings.quantities import kept_curve, kept_interval, kept_value
from inference.pipeline import (
    Category,
    Classification,
    FoundBox,
    ImageResult,
    Measurement,
    Pipeline,
    PipelineOutput,
    Segment,
)
from inference.result_identity import (
    image_object_uid,
    result_identity,
    segment_tracking_uid,
    stable_id,
    tracking_uid,
)
from storage.core.acquisition import limit_at_full_inspiration
from storage.core.caveats import Caveat
from storage.core.entities import Job
from storage.core.findings import (
    Code,
    Finding,
    ImageRef,
    SegmentRef,
    Validity,
)
from storage.core.results.lesion_terms import without_total

_LABEL_SCHEME = "99MEDIVIEW"


def build_findings(
    job: Job,
    pipeline: Pipeline,
    output: PipelineOutput,
    comparison: Comparison | None = None,
    normal_ranges: NormalRanges | None = None,
) -> tuple[Finding, ...]:
    """One finding a measurement and one a classification, in the order of the output.

    Identifiers are derived: a rerun of the job repeats them, and the tracking UID of a
    structure stays when another version of the pipeline measures it. Volumes tell how much
    they have changed, where there is something to compare them with, and numbers where they lie
    among those of `normal_ranges`.
    """
    ranges = normal_ranges or NormalRanges()
    measured = [_measured(job, pipeline, output, one) for one in output.measurements]
    if comparison is not None:
        measured = [comparison.compared(one, measured) for one in measured]
    found = (
        *_limits_by_breath([ranges.applied(one) for one in measured]),
        *(
            _of_images(job, pipeline, answer, output)
            if output.images
            else _classified(job, pipeline, answer)
            for answer in output.classifications
        ),
        *(_categorized(job, pipeline, one) for one in output.categories),
        *(
            ranges.applied(one)
            for image in output.images
            for one in _of_image(job, pipeline, image, output)
        ),
    )
    return tuple(_caveated(one, output.caveats) for one in found)


def _caveated(finding: Finding, caveats: Sequence[Caveat]) -> Finding:
    """With what holds for all that was found: of answers, and in single images, nothing else has
    stated it."""
    missing = tuple(one for one in caveats if one not in finding.caveats)
    if not missing:
        return finding
    validity = finding.validity or Validity("complete")
    return replace(finding, validity=replace(validity, caveats=(*validity.caveats, *missing)))


def _limits_by_breath(findings: Sequence[Finding]) -> Iterator[Finding]:
    """What low attenuation may be is known of lungs at full inspiration, which the volume shows."""
    volumes = {
        (fact.side, fact.structure): fact.finding
        for fact in map(fact_of, findings)
        if fact.measure == "volume" and fact.is_sound
    }
    for one in findings:
        fact = fact_of(one)
        volume = volumes.get((fact.side, fact.structure))
        yield one if volume is None else limit_at_full_inspiration(one, volume)


def _measured(
    job: Job, pipeline: Pipeline, output: PipelineOutput, measurement: Measurement
) -> Finding:
    segmentation = None
    subject = measurement.label
    # How many lesions a total is of differs between the studies that it is followed in.
    quantity = without_total(measurement.label)
    identity = tracking_uid(job, quantity)
    if measurement.segment_index is not None:
        segment = output.segments[measurement.segment_index]
        subject = segment.label
        identity = segment_tracking_uid(job, segment)
        segmentation = _segment_ref(
            job,
            segment,
            measurement.segment_index + 1,
            result_identity(job, "SEG").sop_instance_uid,
        )
    return Finding(
        finding_id=stable_id(job, "measurement", without_total(subject), quantity),
        job_id=job.job_id,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        label=measurement.label,
        code=measurement.code,
        value=kept_value(measurement),
        unit=measurement.unit,
        confidence=measurement.confidence,
        tracking_identifier=tracking_identifier(pipeline, subject),
        tracking_uid=identity,
        segmentation=segmentation,
        created_at=job.created_at,
        validity=measurement.validity,
        value_interval=kept_interval(measurement),
        curve=kept_curve(measurement),
    )


def measurement_of(finding: Finding) -> Measurement | None:
    """What a pipeline measured of a segment, from the finding that was made of it.

    None where the finding is no number, or none of a segment: a total's parts are not stored.
    """
    if finding.value is None or finding.unit is None or finding.segmentation is None:
        return None
    return Measurement(
        label=finding.label,
        code=finding.code,
        value=finding.value,
        unit=finding.unit,
        segment_index=finding.segmentation.segment_number - 1,
        confidence=finding.confidence,
        frame_number=None if finding.image is None else finding.image.frame_number,
        validity=finding.validity,
        interval=finding.value_interval,
        curve=finding.curve,
    )


def _segment_ref(job: Job, segment: Segment, number: int, sop_instance_uid: str) -> SegmentRef:
    return SegmentRef(
        series_instance_uid=result_identity(job, "SEG").series_instance_uid,
        sop_instance_uid=sop_instance_uid,
        segment_number=number,
        color_rgb=segment.color_rgb,
        type=segment.type,
        laterality=segment.laterality,
        category=segment.category,
    )


def _of_image(
    job: Job, pipeline: Pipeline, image: ImageResult, output: PipelineOutput
) -> Iterator[Finding]:
    """What was found in one image, each with the image, and the place within it, if it has one."""
    uid = image.sop_instance_uid
    for measurement in image.measurements:
        of_segment = measurement.segment_index is not None
        subject = image.segments[measurement.segment_index or 0].label if of_segment else ""
        one = replace(
            _measured(job, pipeline, PipelineOutput(image.segments), measurement),
            finding_id=stable_id(job, "measurement", measurement.label, uid),
            tracking_uid=tracking_uid(job, f"{uid} {subject or measurement.label}"),
            image=ImageRef(uid, measurement.frame_number),
            calibration=output.calibration if measurement.confidence is not None else "",
            heat_map=measurement.heat_map,
        )
        if one.segmentation is not None:
            mask = image_object_uid(job, "SEG", uid)
            one = replace(one, segmentation=replace(one.segmentation, sop_instance_uid=mask))
        yield one
    for answer in image.classifications:
        yield replace(
            _of_images(job, pipeline, answer, output),
            finding_id=stable_id(job, "classification", answer.label, uid),
            tracking_uid=tracking_uid(job, f"{uid} {answer.label}"),
            image=ImageRef(uid, answer.frame_number),
            heat_map=answer.heat_map,
        )
    for box in image.boxes:
        yield _boxed(job, pipeline, image, box, output.calibration)


def _of_images(
    job: Job, pipeline: Pipeline, answer: Classification, output: PipelineOutput
) -> Finding:
    """An answer about one image, or about several together, which names none."""
    return replace(
        _classified(job, pipeline, answer),
        code=answer.code or Code(answer.label[:16], _LABEL_SCHEME, answer.label[:64]),
        calibration=output.calibration,
    )


def _boxed(
    job: Job, pipeline: Pipeline, image: ImageResult, box: FoundBox, calibration: str
) -> Finding:
    measured = box.measurement
    if measured is None:
        found = replace(
            _classified(job, pipeline, Classification(box.label, 0.0)),
            code=box.code,
            confidence=box.confidence,
        )
    else:
        found = _measured(job, pipeline, PipelineOutput(), measured)
    at = ImageRef(image.sop_instance_uid, box.frame_number, "POINT", box.corners)
    if len(box.corners) > 1:
        outline = (*box.corners, box.corners[0])
        at = ImageRef(image.sop_instance_uid, box.frame_number, "POLYLINE", outline)
    return replace(
        found,
        finding_id=stable_id(job, "box", box.label, image.sop_instance_uid),
        tracking_uid=tracking_uid(job, f"{image.sop_instance_uid} {box.label}"),
        image=at,
        calibration=calibration if found.confidence is not None else "",
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


def _categorized(job: Job, pipeline: Pipeline, category: Category) -> Finding:
    """The same thing over time, whichever category it has."""
    return replace(
        _classified(job, pipeline, Classification(category.label, 0.0)),
        finding_id=stable_id(job, "category", category.subject),
        code=category.code,
        confidence=None,
        tracking_identifier=tracking_identifier(pipeline, category.subject),
        tracking_uid=tracking_uid(job, category.subject),
        validity=Validity("complete", reason=category.reason, caveats=category.caveats),
    )


def tracking_identifier(pipeline: Pipeline, subject: str) -> str:
    """The name by which people recognise the same thing in later results."""
    return f"{pipeline.name}: {subject}"
