"""One's own sessions: where one is signed in, and ending what one does not know."""

from typing import Annotated

from fastapi import Path, Request

from api.access.actor import actor_of
from api.access.audited_changes import access_change
from api.access.confirmation import check_confirmed
from api.access.policy import READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.access.sessions.schemas import EndedSessions, OwnSession, OwnSessions
from api.access.sessions.session_routes import AuthenticatorDep
from api.audit_rules import BY_ITSELF, OWN_ACCESS
from api.deps import StorageDep
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.confirmations import Confirmations
from storage.accounts.sessions import SessionEntry, Sessions
from storage.audit import Audit
from storage.core.clock import utcnow
from storage.core.errors import NotFound

router = new_router(prefix="/api/me/sessions", tags=["session"])

SessionId = Annotated[str, Path(pattern=r"^[0-9a-z]{1,64}$", examples=["9f86d081884c7d65"])]


@router.get("", summary="Where I am signed in", responses=problems(401))
@policy(READERS, "api:read", OWN_ACCESS)
def list_sessions(storage: StorageDep, principal: PrincipalDep) -> OwnSessions:
    """The one used last first. Keys and nodes without sign-in have none."""
    found = storage.sessions.all_of(principal.identity, utcnow())
    return OwnSessions(items=[OwnSession.of(one, principal.session_hash) for one in found])


@router.delete("", summary="End all my other sessions", responses=problems(401, 403))
@policy(READERS, "api:write", BY_ITSELF)
def end_other_sessions(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    authenticator: AuthenticatorDep,
) -> EndedSessions:
    """For who has shown again who it is in the last five minutes."""
    others = [
        one
        for one in storage.sessions.all_of(principal.identity, utcnow())
        if one.token_hash != principal.session_hash
    ]
    return _end(
        request,
        storage.sessions,
        storage.confirmations,
        storage.audit,
        principal,
        authenticator,
        others,
    )


@router.delete("/{session_id}", summary="End one of my sessions", responses=problems(401, 403, 404))
@policy(READERS, "api:write", BY_ITSELF)
def end_own_session(
    session_id: SessionId,
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    authenticator: AuthenticatorDep,
) -> EndedSessions:
    """The one that asks ends by `DELETE /api/session`, or by this; another needs a confirmation."""
    found = [
        one
        for one in storage.sessions.all_of(principal.identity, utcnow())
        if one.session_id == session_id
    ]
    if not found:
        raise NotFound(
            f"You have no session '{session_id}'.", remedy="GET /api/me/sessions lists them."
        )
    return _end(
        request,
        storage.sessions,
        storage.confirmations,
        storage.audit,
        principal,
        authenticator,
        found,
    )


def _end(
    request: Request,
    session_repository: Sessions,
    confirmations: Confirmations,
    audit: Audit,
    principal: Principal,
    authenticator: AuthenticatorDep,
    sessions: list[SessionEntry],
) -> EndedSessions:
    """Raises ApiProblem 403 unless who asks has just shown who it is, but for this session alone.

    Who finds a browser open must not throw its owner out everywhere else (ASVS 5.0 7.5.2).
    """
    if any(one.token_hash != principal.session_hash for one in sessions):
        check_confirmed(confirmations, principal, "end other sessions")
    if not sessions:
        return EndedSessions(ended=0)
    actor = actor_of(request.scope, principal)
    what = f"{len(sessions)} sessions ended"
    with access_change(audit, actor, "U", principal.kind, principal.name, what=what):
        ended = session_repository.end_of(principal.identity, [one.token_hash for one in sessions])
    authenticator.forget()
    return EndedSessions(ended=ended)
