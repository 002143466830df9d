"""Segments that were measured, as ImagingSelection: of R5 alone (hl7.org/fhir/R5)."""

from collections.abc import Iterable, Iterator

from inference.fhir.r5 import Json
from inference.fhir.types import OWN, concept
from storage.core.entities import Study
from storage.core.findings import Finding, SegmentRef

SELECTION_IDENTIFIERS = f"{OWN}:segment"
_SEGMENTATION = "urn:oid:1.2.840.10008.5.1.4.1.1.66.4"
_SEGMENT = concept("121191", "DCM", "Referenced Segment")


def selection_id(segment: SegmentRef) -> str:
    """What tells the selection from all others."""
    return f"{segment.sop_instance_uid}/{segment.segment_number}"


def selections(
    findings: Iterable[Finding], study: Study, *, is_withdrawn: bool
) -> Iterator[tuple[str, Json]]:
    """Each segment once, with its identifier."""
    segments = {
        selection_id(one.segmentation): one.segmentation
        for one in findings
        if one.segmentation is not None
    }
    for identifier, segment in segments.items():
        yield identifier, _selection(identifier, segment, study, is_withdrawn)


def _selection(identifier: str, segment: SegmentRef, study: Study, is_withdrawn: bool) -> Json:
    named = segment.type
    code = (
        _SEGMENT if named is None else concept(named.value, named.scheme_designator, named.meaning)
    )
    return {
        "resourceType": "ImagingSelection",
        "id": identifier,
        "identifier": [{"system": SELECTION_IDENTIFIERS, "value": identifier}],
        "status": "entered-in-error" if is_withdrawn else "available",
        "subject": {"reference": "#patient"},
        "code": code.to_json(),
        "studyUid": study.study_instance_uid,
        "derivedFrom": [{"reference": f"ImagingStudy/{study.study_instance_uid}"}],
        "seriesUid": segment.series_instance_uid,
        "instance": [
            {
                "uid": segment.sop_instance_uid,
                "sopClass": {"system": "urn:ietf:rfc:3986", "code": _SEGMENTATION},
                "subset": [str(segment.segment_number)],
            }
        ],
    }
