"""What a person states that a lesion was before; it counts before what was computed."""

import uuid

from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.index.patient_studies import PatientStudies
from storage.lesions.entities import LesionMatch
from storage.lesions.repository import Lesions


def state_match(
    lesions: Lesions,
    priors: PatientStudies,
    lesion_id: str,
    earlier_lesion_id: str,
    by: Identity,
    reason: str = "",
) -> LesionMatch:
    """The lesion is the earlier one; or new, where none is named.

    Raises NotFound, InvalidRequest for a lesion that is not of an earlier study of the patient.
    """
    lesion = lesions.get(lesion_id)
    if earlier_lesion_id:
        earlier = lesions.get(earlier_lesion_id)
        if earlier.study_instance_uid not in priors.before(lesion.study_instance_uid):
            raise InvalidRequest(
                f"{earlier_lesion_id} is not a lesion of an earlier study of the patient.",
                remedy="GET /api/studies/{study_instance_uid}/lesions lists them all.",
            )
        if earlier.pipeline != lesion.pipeline:
            raise InvalidRequest(
                f"{earlier_lesion_id} was found by {earlier.pipeline}, and {lesion_id} by"
                f" {lesion.pipeline}.",
                remedy="Name a lesion that the same pipeline found.",
            )
    match = LesionMatch(
        match_id=str(uuid.uuid4()),
        study_instance_uid=lesion.study_instance_uid,
        job_id="",
        later_job_id="",
        relation="matched" if earlier_lesion_id else "new",
        earlier_lesion_id=earlier_lesion_id,
        later_lesion_id=lesion_id,
        is_main=True,
        confidence=1.0,
        method="stated by a person",
        reason=reason,
        decided_by=by.name,
        decided_by_id=by.id,
        decided_at=utcnow(),
    )
    lesions.decide(match)
    return match
