"""Legal holds: studies that nothing deletes until an administrator releases them."""

from fastapi import Request, Response
from pydantic import AwareDatetime, Field

from api.access.actor import actor_of
from api.access.audited_changes import legal_hold_change
from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import BY_ITSELF, UIDS_ALONE
from api.base_schemas import CursorPage, Payload, RequestBody
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from storage.core.clock import utcnow
from storage.retention.legal_holds import NEWEST_HOLDS, REASON_MAX_CHARACTERS, LegalHold

router = new_router(prefix="/api/legal-holds", tags=["retention"])


class LegalHoldPayload(Payload):
    study_instance_uid: str
    reason: str
    placed_by: str = Field(description="Who placed it, by name.")
    placed_at: AwareDatetime


class LegalHoldPage(CursorPage):
    items: list[LegalHoldPayload]


class NewLegalHold(RequestBody):
    reason: str = Field(
        min_length=1,
        max_length=REASON_MAX_CHARACTERS,
        pattern=r"^[^\x00]*\S[^\x00]*$",
        description="Why the study has to stay. The audit trail has it, too.",
        examples=["Request of the legal department, file 12/2026"],
    )


@router.get("", summary="List the legal holds, the newest first")
@policy(ADMINS, "admin", UIDS_ALONE)
def list_legal_holds(storage: StorageDep, paging: CursorPagingDep) -> LegalHoldPage:
    """Studies that no rule and no DELETE removes."""
    return paging.read(LegalHoldPage, NEWEST_HOLDS, storage.legal_holds.page, _payload)


@router.put(
    "/{study_instance_uid}",
    summary="Put a study on legal hold",
    responses=problems(401, 403, 404, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def place_legal_hold(
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    study_instance_uid: StudyUid,
    wanted: NewLegalHold,
) -> LegalHoldPayload:
    """From then on nothing of it is deleted. Again: the hold gets the new reason."""
    hold = LegalHold(
        study_instance_uid,
        wanted.reason.strip(),
        principal.name,
        principal.identity.id,
        utcnow(),
    )
    actor = actor_of(request.scope, principal)
    with legal_hold_change(storage.audit, actor, "C", study_instance_uid, hold.reason):
        storage.legal_holds.place(hold)
    return _payload(hold)


@router.delete(
    "/{study_instance_uid}",
    status_code=204,
    summary="Release a legal hold",
    responses=problems(401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="release a legal hold")
def release_legal_hold(
    request: Request, principal: PrincipalDep, storage: StorageDep, study_instance_uid: StudyUid
) -> Response:
    """The rules decide on the study again."""
    actor = actor_of(request.scope, principal)
    with legal_hold_change(storage.audit, actor, "D", study_instance_uid):
        storage.legal_holds.release(study_instance_uid, utcnow())
    return Response(status_code=204)


def _payload(hold: LegalHold) -> LegalHoldPayload:
    return LegalHoldPayload(
        study_instance_uid=hold.study_instance_uid,
        reason=hold.reason,
        placed_by=hold.placed_by,
        placed_at=hold.placed_at,
    )
