"""A patient's numbers over time: each quantity of each structure, over all studies."""

from collections import Counter

from fastapi import Request

from api.access.policy import READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import RESULTS
from api.base_schemas import code_payload
from api.deps import StorageDep
from api.findings.schemas import Trend, TrendList, TrendPoint
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.findings.comparison import quantity_key, value_that_counts
from inference.findings.derived import void_findings
from inference.lesions.history import history_of, lesion_uids
from inference.lesions.matching.merges_and_splits import joined_in
from storage.core.acquisition import why_unlike
from storage.core.findings import Finding
from storage.core.text.dicom_values import dicom_date, dicom_time

router = new_router(prefix="/api/studies/{study_instance_uid}", tags=["findings"])


@router.get("/trend", summary="The patient's numbers over time", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_trend(request: Request, storage: StorageDep, study_instance_uid: StudyUid) -> TrendList:
    """By pipeline, structure and quantity, over the studies of the patient that have a date.

    Only what this study measures; a value that a person rejected is left out, with the totals that
    hold it, as is that of a part of a structure (truncated), and one that was corrected stands as
    corrected. What was found in single images, such as films, has no trend. A lung density of
    another kernel or slice thickness than those before says so (`not_compared`).
    """
    storage.index.study(study_instance_uid)
    priors = storage.patient_studies
    later, earlier = priors.after(study_instance_uid), priors.before(study_instance_uid)
    studies = [*later, study_instance_uid, *earlier][::-1]
    found = storage.findings.of_studies(studies)
    # Two films are never of the same part of a patient in the same size.
    measured = [
        one for uid in studies for one in found[uid] if one.value is not None and one.image is None
    ]
    feedback = storage.finding_feedback.of_findings([one.finding_id for one in measured])
    # Of values alone: what other jobs took makes categories.
    void = void_findings(measured, feedback, {})
    uids = lesion_uids(storage.jobs, storage.lesions, studies, measured)

    history = history_of(storage.jobs, storage.lesions, studies) if uids else None
    joined = {uid: joined_in(history, uid) for uid in studies} if history else {}

    def quantity(one: Finding) -> tuple[object, ...]:
        uid = uids.get(one.finding_id)
        name = quantity_key(one) if uid is None else (uid, one.code.value)
        return *name, one.unit

    own = {quantity(one): one for one in found[study_instance_uid]}
    held = {uid: storage.index.study(uid) for uid in studies if found[uid]}
    dates = {uid: dicom_date(one.study_date) for uid, one in held.items()}
    days = Counter(dates.values())
    trends: dict[tuple[object, ...], Trend] = {}
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in measured:
        key = quantity(one)
        value = value_that_counts(one, feedback[one.finding_id])
        if key not in own or value is None or one.finding_id in void:
            continue
        unlike = _unlike(one, alike.setdefault(key, []))
        alike[key] = [one] if unlike else [*alike[key], one]
        trend = trends.setdefault(
            key,
            Trend(
                pipeline=one.pipeline,
                tracking_identifier=own[key].tracking_identifier,
                label=own[key].label,
                unit=code_payload(one.unit) if one.unit else None,
                points=[],
            ),
        )
        trend.points.append(
            TrendPoint(
                finding_id=one.finding_id,
                study_instance_uid=one.study_instance_uid,
                study_date=dates[one.study_instance_uid],
                study_time=dicom_time(held[one.study_instance_uid].study_time)
                if days[dates[one.study_instance_uid]] > 1
                else None,
                pipeline_version=one.pipeline_version,
                value=value,
                is_corrected=value != one.value,
                is_joined=uids.get(one.finding_id) in joined.get(one.study_instance_uid, {}),
                not_compared=unlike,
                caveats=list(one.caveat_texts) if value == one.value else [],
                percentile=one.normal_range.percentile
                if one.normal_range is not None and value == one.value
                else None,
            )
        )
    name_studies(request, *dates)
    return TrendList(items=list(trends.values()))


def _unlike(density: Finding, before: list[Finding]) -> str:
    """Why it is none of the curve: the last of these that is made otherwise. A slice thickness that
    changes a little each time is compared with all of them."""
    found = (why_unlike(density, one) for one in reversed(before))
    return next((one.in_words for one in found if one is not None), "")
