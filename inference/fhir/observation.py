"""Findings as Observation (hl7.org/fhir/R4/observation.html): of what, and by which device."""

from collections.abc import Iterator, Sequence

from inference.fhir.device import device_id
from inference.fhir.normal_range import interpretation, place_in_population, reference_range
from inference.fhir.observation_status import Status, status_of, value_of
from inference.fhir.resources import Observation, ObservationComponent
from inference.fhir.subject import patient_of, started, subject_of
from inference.fhir.types import (
    DCM,
    OWN,
    UCUM,
    Annotation,
    CodeableConcept,
    Coding,
    Identifier,
    Quantity,
    Range,
    Reference,
    concept,
    meta,
    plain,
    some,
    uid_identifier,
)
from inference.findings.counts import counts_none
from storage.core.entities import Study
from storage.core.findings import Code, Feedback, Finding, ImageRef, NormalRange, SegmentRef
from storage.findings.search import Found

OBSERVATION_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
FINDING_IDENTIFIERS = f"{OWN}:finding"
_IMAGING = CodeableConcept(
    coding=[
        Coding(
            system=OBSERVATION_CATEGORIES,
            code="imaging",
            display="Imaging",
        )
    ]
)
_CONFIDENCE = CodeableConcept(
    coding=[Coding(system=DCM, code="111012", display="Certainty of Finding")],
    text="Confidence",
)
# hl7.org/fhir/R4/valueset-data-absent-reason.html: expected to exist, but not known.
_UNKNOWN = Coding(
    system="http://terminology.hl7.org/CodeSystem/data-absent-reason",
    code="unknown",
    display="Unknown",
)
_INTERVAL = concept("VALUEINTERVAL", "99MEDIVIEW", "Interval that the true value lies in")
_IMPLAUSIBLE = concept("IMPLAUSIBLE", "99MEDIVIEW", "Value that is not plausible")
_PART = concept("MEASUREDPART", "99MEDIVIEW", "Value of the part within the images")
_LATERALITY = concept("272741003", "SCT", "Laterality")
_SEGMENT = concept("121191", "DCM", "Referenced Segment")
_FINDING = concept("121071", "DCM", "Finding")
_IMAGE = concept("260753009", "SCT", "Source")
_REGION = concept("111030", "DCM", "Image Region")
_WITHDRAWN = Annotation(
    author_string="MediViewAI",
    text="Withdrawn: the series has changed since this was measured, or a further run gave other"
    " results.",
)
_BY_KIND = {"ACCEPTED": "accepts it", "REJECTED": "rejects it", "CORRECTED": "corrects it"}


_REJECTED = "Left out: a person rejected it."
_LEFT_OUT = "Left out: it holds a value that a person rejected or corrected."


def observation(
    found: Found[Finding], study: Study, feedback: Sequence[Feedback], *, is_void: bool = False
) -> Observation:
    """`is_void`: a total or share that holds a value which counts no more; it states none then."""
    finding = found.entity
    value, unit = value_of(finding, feedback)
    # A person who gives a value gives that of the whole.
    newest = feedback[-1] if feedback else None
    corrected = newest is not None and newest.kind == "CORRECTED" and newest.value is not None
    doubtful = not finding.is_sound and not corrected
    status = status_of(feedback, is_withdrawn=found.is_withdrawn)
    # Entered in error says so by itself; what stays preliminary would be read as a value.
    rejected = newest is not None and newest.kind == "REJECTED" and status == "preliminary"
    left_out = _REJECTED if rejected else _LEFT_OUT if is_void else ""
    absent = doubtful or bool(left_out)
    return Observation(
        id=finding.finding_id,
        status=status,
        meta=meta(found.updated_at),
        contained=[patient_of(study)],
        identifier=[
            Identifier(system=FINDING_IDENTIFIERS, value=finding.finding_id),
            uid_identifier(finding.tracking_uid),
        ],
        category=[_IMAGING],
        code=concept(
            finding.code.value, finding.code.scheme_designator, finding.code.meaning
        ).model_copy(update={"text": finding.label or finding.code.meaning}),
        subject=subject_of(study),
        effective_date_time=started(study.study_date),
        issued=found.updated_at if not feedback else finding.created_at,
        value_quantity=None if absent else _quantity(value, unit),
        data_absent_reason=_absent(finding, left_out) if absent else None,
        interpretation=None if absent else interpretation(_normal(finding, unit), value),
        note=[
            _stated(finding, status),
            *([_WITHDRAWN] if found.is_withdrawn else []),
            *(_feedback_note(one) for one in feedback),
        ],
        body_site=_body_site(finding.segmentation),
        method=plain(f"{finding.pipeline} {finding.pipeline_version}"),
        device=Reference(
            reference=f"Device/{device_id(finding.pipeline, finding.pipeline_version)}",
            type="Device",
        ),
        reference_range=reference_range(_normal(finding, unit), unit),
        derived_from=[
            Reference(
                reference=f"ImagingStudy/{study.study_instance_uid}",
                type="ImagingStudy",
                identifier=uid_identifier(study.study_instance_uid),
            )
        ],
        component=some(
            (
                *_set_apart(finding, doubtful),
                *_confidence(finding),
                # Of a value that a person gave, nobody has stated one.
                *_interval(None if corrected or left_out else finding),
                *_curve(finding),
                # Of a value that a person gave, nobody has computed them.
                *place_in_population(None if corrected or left_out else finding.normal_range),
                *_of_segment(finding.segmentation),
                *_of_image(finding.image),
            )
        ),
    )


def _normal(finding: Finding, unit: Code | None) -> NormalRange | None:
    """The range that the value is to be read beside; none where a person gave another unit."""
    return finding.normal_range if unit == finding.unit else None


def _absent(finding: Finding, left_out: str) -> CodeableConcept:
    """Why the value of the structure is not there: the images show a part of it alone, what the
    model found is not plausible, or a reader's feedback has left it out."""
    if left_out:
        return CodeableConcept(coding=[_UNKNOWN], text=left_out)
    reason = "" if finding.validity is None else f" {finding.validity.reason}"
    state = "Not plausible." if finding.is_implausible else "Truncated."
    return CodeableConcept(coding=[_UNKNOWN], text=f"{state}{reason}")


def _set_apart(finding: Finding, doubtful: bool) -> Iterator[ObservationComponent]:
    """What was measured of a part, or is not plausible, kept apart from the structure's value."""
    if doubtful and finding.value is not None:
        yield ObservationComponent(
            code=_IMPLAUSIBLE if finding.is_implausible else _PART,
            value_quantity=_quantity(finding.value, finding.unit),
        )


def _quantity(value: float | None, unit: Code | None) -> Quantity | None:
    if value is None:
        return None
    if unit is None:
        return Quantity(value=value)
    return Quantity(value=value, unit=unit.meaning or unit.value, system=UCUM, code=unit.value)


def _body_site(segment: SegmentRef | None) -> CodeableConcept | None:
    """The structure, with its side in words: R4 has no attribute for a side of its own. None of a
    lesion: nobody has stated where it is."""
    if segment is None or segment.type is None or not segment.shows_anatomy:
        return None
    site = concept(segment.type.value, segment.type.scheme_designator, segment.type.meaning)
    if segment.laterality is None:
        return site
    return site.model_copy(
        update={"text": f"{segment.type.meaning}, {segment.laterality.meaning.lower()}"}
    )


def _confidence(finding: Finding) -> Iterator[ObservationComponent]:
    if finding.confidence is not None:
        share = Quantity(value=finding.confidence, unit="from 0 to 1", system=UCUM, code="1")
        yield ObservationComponent(code=_CONFIDENCE, value_quantity=share)


def _interval(finding: Finding | None) -> Iterator[ObservationComponent]:
    """Between which values the true one lies, and with which level."""
    interval = None if finding is None else finding.value_interval
    if finding is None or interval is None:
        return
    yield ObservationComponent(
        code=_INTERVAL.model_copy(update={"text": f"{interval.level * 100:g} % interval"}),
        value_range=Range(
            low=_quantity(interval.low, finding.unit), high=_quantity(interval.high, finding.unit)
        ),
    )


def _curve(finding: Finding) -> Iterator[ObservationComponent]:
    """The points of the curve that the value was read from: x and y each. SampledData wants steps
    of one length in milliseconds."""
    curve = finding.curve
    if curve is None:
        return
    x, y = curve.x, curve.y
    points = " ".join(f"{one:g},{other:g}" for one, other in curve.points)
    named = concept(y.code.value, y.code.scheme_designator, y.code.meaning)
    text = f"{y.label} ({y.unit.value}) over {x.label} ({x.unit.value})"
    yield ObservationComponent(
        code=named.model_copy(update={"text": text}), value_string=f"CURVE {points}"
    )


def _of_segment(segment: SegmentRef | None) -> Iterator[ObservationComponent]:
    """What a lesion is and the side, as codes, and the segment that was measured."""
    if segment is None:
        return
    if segment.type is not None and not segment.shows_anatomy:
        kind = segment.type
        yield ObservationComponent(
            code=_FINDING,
            value_codeable_concept=concept(kind.value, kind.scheme_designator, kind.meaning),
        )
    if segment.laterality is not None:
        side = segment.laterality
        yield ObservationComponent(
            code=_LATERALITY,
            value_codeable_concept=concept(side.value, side.scheme_designator, side.meaning),
        )
    yield ObservationComponent(
        code=_SEGMENT, value_string=f"urn:oid:{segment.sop_instance_uid}#{segment.segment_number}"
    )


def _of_image(image: ImageRef | None) -> Iterator[ObservationComponent]:
    """The image that it is about, and in it the region, as column and row of its corners."""
    if image is None:
        return
    frame = "" if image.frame_number is None else f"#{image.frame_number}"
    yield ObservationComponent(code=_IMAGE, value_string=f"urn:oid:{image.sop_instance_uid}{frame}")
    if image.points:
        corners = " ".join(f"{x:g},{y:g}" for x, y in image.points)
        yield ObservationComponent(code=_REGION, value_string=f"{image.graphic_type} {corners}")


def _stated(finding: Finding, status: Status) -> Annotation:
    """What the machine stated, whatever a person made of it."""
    by = f"{finding.pipeline} {finding.pipeline_version}"
    if status == "preliminary":
        text = "UNVERIFIED: stated by software; no person has verified it in this node."
    elif finding.value is None:
        text = f"Stated by software: {finding.label}."
    else:
        unit = f" {finding.unit.value}" if finding.unit else ""
        text = f"Stated by software: {finding.value:.10g}{unit}."
    if counts_none(finding):
        text = f"{text} The algorithm marked nothing, which does not state that there is none."
    if finding.validity is not None and finding.is_truncated:
        text = f"{text} Truncated: of a part. {finding.validity.reason}"
    if finding.validity is not None and finding.is_implausible:
        text = f"{text} Not plausible. {finding.validity.reason}"
    if finding.value is None and finding.validity is not None and finding.validity.reason:
        text = f"{text} {finding.validity.reason}"
    text = " ".join((text, *finding.caveat_texts))
    return Annotation(author_string=by, text=text)


def _feedback_note(feedback: Feedback) -> Annotation:
    parts = [f"{feedback.given_by} {_BY_KIND[feedback.kind]}."]
    if feedback.value is not None:
        unit = f" {feedback.unit.meaning or feedback.unit.value}" if feedback.unit else ""
        parts.append(f"Value: {feedback.value:.10g}{unit}.")
    if feedback.label:
        parts.append(f"Name: {feedback.label}.")
    if feedback.reason:
        parts.append(feedback.reason)
    return Annotation(author_string=feedback.given_by, time=feedback.given_at, text=" ".join(parts))
