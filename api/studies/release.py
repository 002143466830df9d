"""Let results leave that a rule of release has wait for a person, or withhold them."""

from typing import Annotated

import structlog
from fastapi import Request
from pydantic import Field

from api.access.policy import RADIOLOGISTS, policy
from api.audit.middleware import add_detail
from api.audit_rules import Audited
from api.base_schemas import Payload, RequestBody
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.broker.notify import wake
from storage.audit import Code
from storage.core.clock import utcnow
from storage.deliveries.release import ReleaseDecision, ReleaseScope, decide_release

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/studies", tags=["studies"])

_Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
_JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class DecideRelease(RequestBody):
    """Of all results of the study, or of one job's, to all destinations, or to one."""

    decision: ReleaseDecision = Field(
        description="Withheld results can be released later; released ones are not called back."
    )
    job_id: _JobId | None = None
    destination: _Name | None = Field(None, examples=["pacs"])


class ReleaseDecided(Payload):
    instances: dict[str, int] = Field(
        description="How many instances the decision changed, by destination.",
        examples=[{"pacs": 4}],
    )


@router.post(
    "/{study_instance_uid}/release",
    summary="Release results that wait for a person, or withhold them",
    responses=problems(404),
)
@policy(
    RADIOLOGISTS,
    "api:write",
    Audited(Code.PROCEDURE_RECORD, "U", with_change=True),
    people_only=True,
)
def decide_study_release(
    request: Request, storage: StorageDep, study_instance_uid: StudyUid, wanted: DecideRelease
) -> ReleaseDecided:
    """A person decides, after looking at them. Deciding the same again changes nothing."""
    add_detail(
        request,
        decision=wanted.decision,
        to=[wanted.destination] if wanted.destination else [],
        jobs=[wanted.job_id] if wanted.job_id else [],
    )
    storage.index.study(study_instance_uid)
    changed = decide_release(
        storage.engine,
        ReleaseScope(study_instance_uid, wanted.job_id, wanted.destination),
        wanted.decision,
        utcnow(),
    )
    log.info("release_decided", decision=wanted.decision, instances=sum(changed.values()))
    if wanted.decision == "release" and changed:
        wake(storage.settings)
    return ReleaseDecided(instances=changed)
