"""Lesions and their sums as the API's JSON."""

from collections import Counter
from collections.abc import Sequence

from api.base_schemas import code_payload
from api.lesions.schemas import (
    LesionCourse,
    LesionPayload,
    LesionVisit,
    MatchPayload,
    ResponsePayload,
    ResponseTable,
)
from inference.calibration.entities import stated_caveats
from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable, is_node
from inference.lesions.response.assessment import Response, lugano, recist
from storage.core.text.dicom_values import dicom_date, dicom_time
from storage.lesions.entities import LesionMatch


def course_payload(pipeline: str, visits: Sequence[Visit]) -> LesionCourse:
    days = Counter(one.study_date for one in visits)
    return LesionCourse(
        pipeline=pipeline,
        visits=[_visit(one, is_day_shared=days[one.study_date] > 1) for one in visits],
        recist=_table(*recist(visits)),
        lugano=_table(*lugano(visits)),
    )


def match_payload(match: LesionMatch) -> MatchPayload:
    return MatchPayload(
        relation=match.relation,
        earlier_lesion_id=match.earlier_lesion_id,
        later_lesion_id=match.later_lesion_id,
        is_main=match.is_main,
        confidence=match.confidence,
        method=match.method,
        reason=match.reason,
        decided_by=match.decided_by,
        decided_at=match.decided_at,
    )


def _visit(visit: Visit, *, is_day_shared: bool) -> LesionVisit:
    return LesionVisit(
        study_instance_uid=visit.study_instance_uid,
        study_date=dicom_date(visit.study_date),
        study_time=dicom_time(visit.study_time) if is_day_shared else None,
        is_compared=visit.is_compared,
        lesions=[_lesion(one) for one in visit.seen],
        gone=[match_payload(one) for one in visit.gone],
        merged=[match_payload(one) for one in visit.merged],
        outside=[match_payload(one) for one in visit.outside],
        uncertain=[match_payload(one) for one in visit.uncertain],
    )


def _lesion(seen: Seen) -> LesionPayload:
    lesion = seen.lesion
    return LesionPayload(
        lesion_id=lesion.lesion_id,
        label=lesion.label,
        type=code_payload(lesion.type),
        tracking_uid=seen.uid,
        part_of=seen.group,
        stated_tracking_uid=lesion.tracking_uid,
        source_series_instance_uid=lesion.series_instance_uid,
        job_id=lesion.job_id,
        segment_number=lesion.segment_number,
        long_axis_mm=lesion.long_axis_mm,
        short_axis_mm=lesion.short_axis_mm,
        volume_mm3=lesion.volume_mm3,
        caveat=lesion.caveat,
        caveat_codes=list(stated_caveats(lesion.caveat)[0]),
        is_truncated=lesion.is_truncated,
        is_measurable=is_measurable(lesion),
        is_node=is_node(lesion),
        match=match_payload(seen.match) if seen.match else None,
    )


def _table(targets: frozenset[str], responses: Sequence[Response]) -> ResponseTable:
    return ResponseTable(
        target_tracking_uids=sorted(targets),
        responses=[
            ResponsePayload(
                study_instance_uid=one.study_instance_uid,
                study_date=dicom_date(one.study_date),
                sum=one.sum,
                baseline=one.baseline,
                nadir=one.nadir,
                change_from_baseline_percent=one.change_from_baseline_percent,
                change_from_nadir_percent=one.change_from_nadir_percent,
                new_lesions=one.new_lesions,
                category=one.category,
                reason=one.reason,
                reasons=list(one.reasons),
            )
            for one in responses
        ],
    )
