"""Who reads a study: taken, taken over, left."""

from pydantic import Field

from api.access.policy import RADIOLOGISTS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import CHANGED
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from api.studies.schemas import StudyReader

router = new_router(prefix="/api/studies", tags=["studies"])


class NewReader(RequestBody):
    take_over: bool = Field(False, description="From whom reads it now.")


@router.put(
    "/{study_instance_uid}/reader", summary="Read a study", responses=problems(400, 404, 409)
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def take_study(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid, wanted: NewReader
) -> StudyReader:
    """The caller reads the study from now on, and nobody else changes or signs its report.

    Where another reads it already the answer is 409, unless it is taken over. Signing ends it.
    """
    storage.index.study(study_instance_uid)
    since = storage.study_readers.take(
        study_instance_uid, principal.identity, over=wanted.take_over
    )
    return StudyReader(name=principal.name, is_you=True, since=since)


@router.delete(
    "/{study_instance_uid}/reader",
    status_code=204,
    summary="Leave a study to others",
    responses=problems(404, 409),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def leave_study(storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid) -> None:
    """Nobody reads it then. Of another reader an administrator may say so, too."""
    storage.index.study(study_instance_uid)
    storage.study_readers.leave(
        study_instance_uid, principal.identity, over=principal.is_administrator
    )
