"""What a report states of one structure: numbers, their change, how sure, and truncation."""

from collections.abc import Sequence

import highdicom as hd
from highdicom.sr.value_types import (
    CodeContentItem,
    CompositeContentItem,
    ContentSequence,
    DateContentItem,
    NumContentItem,
    TextContentItem,
    TimeContentItem,
)

from inference.results.coding import dicom_code
from inference.results.narrative import as_dicom_text, comparison_notes, shown_interval
from inference.results.sr.change import (
    CERTAINTY,
    CHANGE,
    CHANGE_PER_YEAR,
    CLASSIFICATION,
    COMMENT,
    IMPLAUSIBLE,
    LOWER_UNCERTAINTY,
    PERCENT,
    PERCENT_PER_YEAR,
    PRIOR_REPORT,
    QUALITY,
    STUDY_DATE,
    STUDY_TIME,
    TRUNCATED,
    UPPER_UNCERTAINTY,
)
from inference.results.sr.normal_range import properties_of
from storage.core.findings import NO_UNITS, Code, Finding, Prior
from storage.core.text.dates import shown_time
from storage.core.text.rounding import kept

_CERTAINTY_DECIMALS = 3


def evaluations_of(finding: Finding) -> list[hd.sr.QualitativeEvaluation]:
    """What an image model calls the images, and what is to be read with it."""
    if finding.value is not None:
        return []
    evaluation = hd.sr.QualitativeEvaluation(
        name=dicom_code(CLASSIFICATION), value=dicom_code(finding.code)
    )
    if finding.caveat_texts:
        comment = _comment(" ".join(finding.caveat_texts))
        evaluation[0].ContentSequence = ContentSequence([comment])
    return [evaluation]


def measurements_of(findings: Sequence[Finding]) -> list[hd.sr.Measurement]:
    measurements: list[hd.sr.Measurement] = []
    for finding in findings:
        if finding.value is not None:
            unit = finding.unit or NO_UNITS
            measurement = _measurement(
                finding.code, finding.value, unit, properties_of(finding, unit)
            )
            _mark(measurement, finding)
            _state_interval(measurement, finding, unit)
            _state_curve(measurement, finding)
            measurements.append(measurement)
        if finding.prior is not None and not finding.prior.is_within_variation:
            measurements += _changes(finding, finding.prior)
    # Stated once of what several numbers of one thing share.
    for confidence in dict.fromkeys(one.confidence for one in findings):
        if confidence is not None:
            percent = round(confidence * 100, _CERTAINTY_DECIMALS)
            measurements.append(_measurement(CERTAINTY, percent, PERCENT))
    return measurements


def _measurement(
    name: Code, value: float, unit: Code, properties: hd.sr.MeasurementProperties | None = None
) -> hd.sr.Measurement:
    return hd.sr.Measurement(
        name=dicom_code(name), value=value, unit=dicom_code(unit), properties=properties
    )


def _properties(measurement: hd.sr.Measurement) -> ContentSequence:
    """What the number's own content is added to (PS3.16 TID 300, 310)."""
    number = measurement[0]
    if "ContentSequence" not in number:
        number.ContentSequence = ContentSequence()
    found: ContentSequence = number.ContentSequence
    return found


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(
        name=dicom_code(name),
        value=value,
        unit=dicom_code(unit),
        relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
    )


def _state_interval(measurement: hd.sr.Measurement, finding: Finding, unit: Code) -> None:
    """How far above and below the value the true one may lie (TID 310), in the unit of the value,
    and how surely, in words."""
    interval, value = finding.value_interval, finding.value
    if interval is None or value is None:
        return
    properties = _properties(measurement)
    properties.append(_number(UPPER_UNCERTAINTY, kept(interval.high - value), unit))
    properties.append(_number(LOWER_UNCERTAINTY, kept(value - interval.low), unit))
    properties.append(_comment(f"{shown_interval(finding)}."))


def _state_curve(measurement: hd.sr.Measurement, finding: Finding) -> None:
    """Each point of the curve that the value was read from: its y, with its x as a property."""
    curve = finding.curve
    if curve is None:
        return
    properties = _properties(measurement)
    properties.append(
        _comment(
            f"Read from a curve of {len(curve.points)} points: {curve.y.label} over"
            f" {curve.x.label}."
        )
    )
    for x, y in curve.points:
        point = _number(curve.y.code, y, curve.y.unit)
        point.ContentSequence = ContentSequence([_number(curve.x.code, x, curve.x.unit)])
        properties.append(point)


def _comment(text: str) -> TextContentItem:
    return TextContentItem(
        name=dicom_code(COMMENT),
        value=as_dicom_text(text),
        relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
    )


_QUALITIES = {
    "truncated": (TRUNCATED, "Truncated, so that this is the value of a part."),
    "implausible": (IMPLAUSIBLE, "Not plausible, so that it is compared with nothing."),
}


def _mark(measurement: hd.sr.Measurement, finding: Finding) -> None:
    """State with the number itself what it is worth: coded, and in a sentence.

    As properties of the number (PS3.16 TID 300): a group may hold sound numbers beside it.
    """
    validity = finding.validity
    quality = None if validity is None else _QUALITIES.get(validity.state)
    comments = [*finding.caveat_texts, *comparison_notes(finding)]
    if quality is None and not comments:
        return
    number = measurement[0]
    if "ContentSequence" not in number:
        number.ContentSequence = ContentSequence()
    if quality is not None and validity is not None:
        code, sentence = quality
        comments.insert(0, f"{sentence} {validity.reason}")
        number.ContentSequence.append(
            CodeContentItem(
                name=dicom_code(QUALITY),
                value=dicom_code(code),
                relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
            )
        )
    number.ContentSequence.append(
        TextContentItem(
            name=dicom_code(COMMENT),
            value=" ".join(comments),
            relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
        )
    )


def _changes(finding: Finding, prior: Prior) -> list[hd.sr.Measurement]:
    """Per cent since the prior, and per year, each with the prior's date and its report."""
    stated = [(CHANGE, prior.change_percent, PERCENT)]
    if prior.change_percent_per_year is not None:
        stated.append((CHANGE_PER_YEAR, prior.change_percent_per_year, PERCENT_PER_YEAR))
    changes = [_measurement(*one) for one in stated]
    for change in changes:
        number = change[0]
        if "ContentSequence" not in number:
            number.ContentSequence = ContentSequence()
        number.ContentSequence.append(
            DateContentItem(
                name=dicom_code(STUDY_DATE),
                value=prior.study_date,
                relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
            )
        )
        if shown_time(prior.study_time):
            number.ContentSequence.append(
                TimeContentItem(
                    name=dicom_code(STUDY_TIME),
                    value=prior.study_time.replace(":", ""),
                    relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
                )
            )
        if prior.relation:
            number.ContentSequence.append(
                TextContentItem(
                    name=dicom_code(COMMENT),
                    value=" ".join(comparison_notes(finding)),
                    relationship_type=hd.sr.RelationshipTypeValues.HAS_PROPERTIES,
                )
            )
        if prior.report_sop_instance_uid:
            number.ContentSequence.append(
                CompositeContentItem(
                    name=dicom_code(PRIOR_REPORT),
                    referenced_sop_class_uid=prior.report_sop_class_uid,
                    referenced_sop_instance_uid=prior.report_sop_instance_uid,
                    relationship_type=hd.sr.RelationshipTypeValues.INFERRED_FROM,
                )
            )
    return changes
