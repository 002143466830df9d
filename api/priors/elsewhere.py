"""What other archives have of a study's patient, and fetching it on a person's word."""

from typing import Annotated

import structlog
from fastapi import Path, Request

from api.access.policy import READERS, WRITERS, policy
from api.audit.middleware import add_detail
from api.audit_rules import QUERY, UIDS_ALONE, Audited
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.priors.schemas import ElsewherePayload, FetchFrom, PriorFetchPayload
from api.priors.serializers import elsewhere_payload, prior_payload
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.priors.elsewhere import fetch_from_elsewhere, fetch_of_patient, look_elsewhere
from storage.audit import Code

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/studies", tags=["priors"])

PriorUid = Annotated[
    str, Path(pattern=r"^[0-9.]{1,64}$", description="StudyInstanceUID of the study elsewhere.")
]


@router.get(
    "/{study_instance_uid}/elsewhere",
    summary="List what other archives have of the patient",
    responses=problems(404),
)
@policy(READERS, "api:read", QUERY)
def list_elsewhere(storage: StorageDep, study_instance_uid: StudyUid) -> ElsewherePayload:
    """Each archive is asked now, by patient ID and issuer. What is here is left out.

    Where access groups are enforced: archives that share a group with the one who asks.
    """
    return elsewhere_payload(look_elsewhere(storage, study_instance_uid))


@router.get(
    "/{study_instance_uid}/elsewhere/{prior_study_instance_uid}",
    summary="How far the fetching of a study is",
    responses=problems(404),
)
@policy(READERS, "api:read", UIDS_ALONE)
def get_elsewhere(
    storage: StorageDep, study_instance_uid: StudyUid, prior_study_instance_uid: PriorUid
) -> PriorFetchPayload:
    """Without asking any archive."""
    return prior_payload(fetch_of_patient(storage, study_instance_uid, prior_study_instance_uid))


@router.post(
    "/{study_instance_uid}/elsewhere/{prior_study_instance_uid}",
    status_code=202,
    summary="Fetch a study of the same patient from an archive",
    responses=problems(400, 404, 502),
)
@policy(WRITERS, "api:write", Audited(Code.IMPORT, "E"))
def fetch_elsewhere(
    request: Request,
    storage: StorageDep,
    study_instance_uid: StudyUid,
    prior_study_instance_uid: PriorUid,
    wanted: FetchFrom,
) -> PriorFetchPayload:
    """Only one that the archive lists for this patient. What was given up is tried again."""
    add_detail(request, source=wanted.source)
    fetch = fetch_from_elsewhere(
        storage, study_instance_uid, prior_study_instance_uid, wanted.source
    )
    log.info("prior_asked_for", study_instance_uid=prior_study_instance_uid, source=wanted.source)
    wake(storage.settings)
    return prior_payload(fetch)
