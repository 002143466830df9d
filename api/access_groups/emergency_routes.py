"""Access in an emergency: a person takes it, administrators see and review it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import Path, Query, Request

from api.access.actor import actor_of
from api.access.caller_visibility import caller_of
from api.access.policy import ADMINS, RADIOLOGISTS, policy
from api.access.principal import PrincipalDep
from api.access_groups.schemas import EmergencyPage, EmergencyPayload, EmergencyRequest
from api.audit_rules import BY_ITSELF, Audited
from api.deps import StorageDep
from api.errors import ApiProblem, status_of
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.router_factory import new_router
from storage.access_groups.emergency import (
    NEWEST_EMERGENCIES,
    Emergency,
    EmergencyAccess,
    WantedStudies,
)
from storage.access_groups.repository import AccessGroups
from storage.audit import MINOR_FAILURE, SERIOUS_FAILURE, Actor, Audit, AuditEvent, Code, Type
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError
from storage.settings import Settings

router = new_router(prefix="/api/emergency-access", tags=["access groups"])

EmergencyId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="Its id.")]


@router.post(
    "",
    status_code=201,
    summary="Take access in an emergency",
    responses=problems(400, 401, 403, 404, 409, 422),
)
@policy(RADIOLOGISTS, "api:write", BY_ITSELF, people_only=True)
def begin_emergency_access(
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    wanted: EmergencyRequest,
) -> EmergencyPayload:
    """To the studies that match now, for a limited time. Administrators are notified.

    Every attempt is in the audit trail with its reason and outcome, also one that is refused.
    """
    actor = actor_of(request.scope, principal)
    with _recorded_if_refused(
        storage.audit, actor, Type.EMERGENCY_OVERRIDE_STARTED, reason=wanted.reason, studies=0
    ):
        begun = _begun(
            storage.settings,
            storage.access_groups,
            storage.emergency_access,
            caller_of(principal),
            actor,
            wanted,
        )
    request.app.state.caller_visibility.forget()
    return _payload(begun)


@contextmanager
def _recorded_if_refused(
    audit: Audit, actor: Actor, type: Type, **detail: str | int
) -> Iterator[None]:
    try:
        yield
    except (ApiProblem, MediViewError) as refused:
        is_ours = isinstance(refused, MediViewError) and status_of(refused) >= 500
        audit.without_effect(
            AuditEvent(
                Code.SECURITY_ALERT,
                "E",
                actor,
                outcome=SERIOUS_FAILURE if is_ours else MINOR_FAILURE,
                type=type,
                detail={**detail, "refused": refused.code},
            )
        )
        raise


def _begun(
    settings: Settings,
    access_groups: AccessGroups,
    emergency_access: EmergencyAccess,
    caller: Caller,
    actor: Actor,
    wanted: EmergencyRequest,
) -> Emergency:
    """Raises ApiProblem, MediViewError where it is refused."""
    if not access_groups.state().is_enforced:
        raise ApiProblem(
            409,
            "access_is_open",
            "Access groups are not enforced: you see every study.",
            remedy="Open the study.",
        )
    longest_s = settings.emergency_access_max_s
    duration_s = longest_s if wanted.duration_s is None else wanted.duration_s
    if duration_s > longest_s:
        raise InvalidRequest(
            f"Emergency access for {duration_s} s is longer than the {longest_s} s allowed.",
            remedy="Ask for less; an operator sets MEDIVIEW_EMERGENCY_ACCESS_MAX_S.",
        )
    studies = WantedStudies(wanted.study_instance_uid, wanted.accession_number, wanted.patient_id)
    duration = timedelta(seconds=duration_s)
    return emergency_access.begin(caller, actor, wanted.reason, studies, duration, utcnow())


@router.get("", summary="List emergency access")
@policy(
    RADIOLOGISTS,
    "api:read",
    Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION),
)
def list_emergency_access(
    principal: PrincipalDep,
    storage: StorageDep,
    paging: CursorPagingDep,
    unreviewed: Annotated[bool, Query(description="Only what nobody has reviewed.")] = False,
) -> EmergencyPage:
    """Administrators see all of it, others their own; the newest first."""
    mine = "" if principal.is_administrator else principal.identity.id
    return paging.read(
        EmergencyPage,
        NEWEST_EMERGENCIES,
        partial(storage.emergency_access.list, identity_id=mine, unreviewed=unreviewed),
        _payload,
    )


@router.post(
    "/{emergency_id}/end", summary="End emergency access", responses=problems(401, 403, 404)
)
@policy(RADIOLOGISTS, "api:write", BY_ITSELF, people_only=True)
def end_emergency_access(
    request: Request, principal: PrincipalDep, storage: StorageDep, emergency_id: EmergencyId
) -> EmergencyPayload:
    """One's own, or as an administrator anybody's."""
    actor = actor_of(request.scope, principal)
    with _recorded_if_refused(
        storage.audit, actor, Type.EMERGENCY_OVERRIDE_STOPPED, emergency_id=emergency_id
    ):
        found = storage.emergency_access.get(emergency_id)
        if not principal.is_administrator and found.identity_id != principal.identity.id:
            raise storage.emergency_access.missing()
        ended = storage.emergency_access.end(emergency_id, actor, utcnow())
    request.app.state.caller_visibility.forget()
    return _payload(ended)


@router.post(
    "/{emergency_id}/review", summary="Mark it as reviewed", responses=problems(401, 403, 404)
)
@policy(
    ADMINS,
    "admin",
    Audited(Code.SECURITY_ALERT, "U", Type.SECURITY_CONFIGURATION),
    people_only=True,
)
def review_emergency_access(
    principal: PrincipalDep, storage: StorageDep, emergency_id: EmergencyId
) -> EmergencyPayload:
    return _payload(storage.emergency_access.review(emergency_id, principal.name, utcnow()))


def _payload(one: Emergency) -> EmergencyPayload:
    return EmergencyPayload(
        emergency_id=one.emergency_id,
        name=one.name,
        reason=one.reason,
        study_instance_uids=list(one.study_instance_uids),
        started_at=one.started_at,
        expires_at=one.expires_at,
        ended_at=one.ended_at,
        reviewed_at=one.reviewed_at,
        reviewed_by=one.reviewed_by,
    )
