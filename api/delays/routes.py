"""Why a study has no result yet, or why its results are nowhere else."""

from datetime import datetime

from pydantic import Field

from api.access.policy import READERS, policy
from api.audit_rules import RESULTS
from api.base_schemas import Payload
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.delays.entities import Cause
from inference.delays.service import delay_of
from storage.core.clock import utcnow

router = new_router(prefix="/api/studies/{study_instance_uid}", tags=["studies"])


class DelayPayload(Payload):
    """The first thing on the study's way that holds it back."""

    cause: Cause = Field(description="A stable name of it; `nothing` where nothing does.")
    sentence: str = Field(description="What it is and what to do, in one sentence.")
    since: datetime | None = Field(description="Since when, where that is known.")
    expected_at: datetime | None = Field(
        description="When the next step comes by itself, where that is known."
    )


@router.get("/delay", summary="Why a study is late", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_delay(storage: StorageDep, study_instance_uid: StudyUid) -> DelayPayload:
    """What the study waits for now: instances, a decision, a worker, a person or a destination.

    `nothing` where all has been done.
    """
    delay = delay_of(storage, study_instance_uid, utcnow())
    return DelayPayload(
        cause=delay.cause,
        sentence=delay.sentence,
        since=delay.since,
        expected_at=delay.expected_at,
    )
