"""Lesions over the studies of a patient: read, and corrected by a person."""

from typing import Annotated

import structlog
from fastapi import Path, Request
from pydantic import Field

from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CHANGED, RESULTS
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.lesions.schemas import LesionCourses, MatchPayload
from api.lesions.serializers import course_payload, match_payload
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.lesions.correcting import state_match
from inference.lesions.course import course_of

log = structlog.get_logger(__name__)

router = new_router(prefix="/api", tags=["findings"])

_ID = r"^[A-Za-z0-9-]{1,64}$"
LesionId = Annotated[str, Path(pattern=_ID, description="The lesion's id.")]


class NewMatch(RequestBody):
    """What a lesion was before: the same as an earlier one, or new where none is named."""

    earlier_lesion_id: str = Field("", pattern=r"^[A-Za-z0-9-]{0,64}$")
    reason: str = Field("", max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$")


@router.get(
    "/studies/{study_instance_uid}/lesions",
    summary="The patient's lesions over the studies",
    responses=problems(404),
)
@policy(READERS, "api:read", RESULTS)
def list_lesions(
    request: Request, storage: StorageDep, study_instance_uid: StudyUid
) -> LesionCourses:
    """By pipeline, up to this study: sizes, what each lesion was before, and sums of targets.

    As they are after feedback: a lesion of which all sizes were rejected is left out.
    """
    storage.index.study(study_instance_uid)
    courses = course_of(
        storage.index,
        storage.jobs,
        storage.lesions,
        storage.patient_studies,
        storage.findings,
        storage.finding_feedback,
        study_instance_uid,
    )
    name_studies(
        request,
        study_instance_uid,
        *(visit.study_instance_uid for visits in courses.values() for visit in visits),
    )
    return LesionCourses(items=[course_payload(*one) for one in sorted(courses.items())])


@router.post(
    "/lesions/{lesion_id}/match",
    status_code=201,
    summary="Correct what a lesion was before",
    responses=problems(400, 404),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def correct_match(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    lesion_id: LesionId,
    match: NewMatch,
) -> MatchPayload:
    """It is stored with its author, and counts before what was computed, in later studies too.

    SEG and SR that are there keep the tracking UID that they state.
    """
    name_studies(request, storage.lesions.get(lesion_id).study_instance_uid)
    stated = state_match(
        storage.lesions,
        storage.patient_studies,
        lesion_id,
        match.earlier_lesion_id,
        principal.identity,
        match.reason,
    )
    log.info("lesion_match_corrected", lesion_id=lesion_id, relation=stated.relation)
    return match_payload(stated)
