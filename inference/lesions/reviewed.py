"""What lesions are after readers' feedback: the one place that decides it.

Sums, categories, tables and reports go by these lesions. How they were found again in other
studies does not depend on feedback and goes by the stored ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from inference.lesions.measurable import is_node
from inference.pipelines.codes import LONG_AXIS, SHORT_AXIS, VOLUME
from storage.core.findings import Feedback, Finding
from storage.core.units import converted
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.lesions.entities import Lesion

_FIELDS = {
    LONG_AXIS.value: "long_axis_mm",
    SHORT_AXIS.value: "short_axis_mm",
    VOLUME.value: "volume_mm3",
}


def reviewed_lesions(
    findings: Findings, finding_feedback: FindingFeedback, lesions: Sequence[Lesion]
) -> dict[str, Lesion | None]:
    """By id: each lesion with the values that count; None of one that readers rejected."""
    studies = sorted({one.study_instance_uid for one in lesions})
    of_studies = findings.of_studies(studies).values()
    stated = [one for of_study in of_studies for one in of_study if one.segmentation is not None]
    feedback = finding_feedback.of_findings([one.finding_id for one in stated])
    of_segment: dict[tuple[str, int], list[Finding]] = {}
    for one in stated:
        if one.segmentation is not None:
            of_segment.setdefault((one.job_id, one.segmentation.segment_number), []).append(one)
    return {
        one.lesion_id: reviewed(one, of_segment.get((one.job_id, one.segment_number), ()), feedback)
        for one in lesions
    }


def reviewed(
    lesion: Lesion, findings: Sequence[Finding], feedback: Mapping[str, Sequence[Feedback]]
) -> Lesion | None:
    """A lesion by the last word on each of the findings that measure it.

    A corrected size stands in the place of the stated one, a rejected size is None, and a lesion
    of which all sizes were rejected is none. `feedback` is by finding, the oldest first.
    """
    sizes = [one for one in findings if one.code.value in _FIELDS] or findings
    given = {one.finding_id: feedback.get(one.finding_id, ()) for one in sizes}
    last = {one: words[-1] if words else None for one, words in given.items()}
    if sizes and all(word is not None and word.kind == "REJECTED" for word in last.values()):
        return None
    found: dict[str, float | None] = {}
    corrected = set[str]()
    for one in sizes:
        word, field = last[one.finding_id], _FIELDS.get(one.code.value)
        if field is None or word is None:
            continue
        if word.kind == "REJECTED":
            found[field] = None
        elif word.kind == "CORRECTED" and word.value is not None:
            unit = word.unit or one.unit
            into = "mm3" if field == "volume_mm3" else "mm"
            found[field] = converted(word.value, unit.value if unit else "", into)
            corrected.add(field)
    if not found:
        return lesion
    # A person gives the size of the whole.
    whole = {"short_axis_mm", "long_axis_mm"} if is_node(lesion) else {"long_axis_mm"}
    is_truncated = lesion.is_truncated and not whole <= corrected
    return replace(
        lesion,
        # It is about the sizes that a person has put others in the place of.
        caveat="" if {"long_axis_mm", "short_axis_mm"} <= corrected else lesion.caveat,
        long_axis_mm=found.get("long_axis_mm", lesion.long_axis_mm),
        short_axis_mm=found.get("short_axis_mm", lesion.short_axis_mm),
        volume_mm3=found.get("volume_mm3", lesion.volume_mm3),
        is_truncated=is_truncated,
        axes_method="drawn" if {"long_axis_mm", "short_axis_mm"} & corrected
        else lesion.axes_method,
    )  # fmt: skip
