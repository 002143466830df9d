"""Access groups, for an administrator: who may see which study."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api.access.actor import actor_of
from api.access.audited_changes import group_change
from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.access_groups.schemas import (
    AccessGroupFields,
    AccessGroupList,
    AccessGroupPayload,
    AccessPolicy,
    AccessPolicyStatus,
    MemberFields,
    MemberList,
    MemberPayload,
    NewAccessGroup,
    NewMember,
    StudyAccessGroup,
    StudyAccessGroups,
)
from api.audit_rules import BY_ITSELF, Audited
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.access_groups.rules import read_rule
from inference.access_groups.stored_rules import unreadable_rules
from storage.access_groups.entities import AccessGroup
from storage.access_groups.repository import AccessGroups
from storage.audit import Action, Code, Type
from storage.core.errors import InvalidRequest
from storage.webhooks.repository import Webhooks

router = new_router(prefix="/api", tags=["access groups"])

Name = Annotated[str, Path(max_length=80, examples=["Radiology North"])]
_LOOKED_AT = Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION)


class _Change:
    """A change with its record in the audit trail."""

    def __init__(self, request: Request, principal: PrincipalDep, storage: StorageDep) -> None:
        self._request, self._storage = request, storage
        self._actor = actor_of(request.scope, principal)

    @contextmanager
    def recorded(self, action: Action, group: str, **detail: str) -> Iterator[None]:
        """Around a change: it is in the audit trail, and counts at once in this process."""
        with group_change(self._storage.audit, self._actor, action, group, **detail):
            yield
        self._request.app.state.caller_visibility.forget()


ChangeDep = Annotated[_Change, Depends()]


@router.get("/access-policy", summary="Whether access groups are enforced")
@policy(ADMINS, "admin", _LOOKED_AT)
def get_access_policy(storage: StorageDep) -> AccessPolicyStatus:
    """Also how far the rules have been applied to the studies."""
    return _policy(storage.webhooks, storage.access_groups)


@router.put(
    "/access-policy",
    summary="Enforce access groups, or stop",
    responses=problems(400, 401, 403, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def set_access_policy(
    storage: StorageDep, change: ChangeDep, wanted: AccessPolicy
) -> AccessPolicyStatus:
    """Refused while there is no group, or while studies wait for the rules."""
    before = storage.access_groups.state()
    begins = wanted.is_enforced and not before.is_enforced
    if begins and wanted.unmatched != before.unmatched:
        raise InvalidRequest(
            "Who sees the studies that match no rule cannot be changed as groups begin to count.",
            remedy="Change it first, and enforce the groups once the rules have been applied.",
        )
    if wanted.unmatched != before.unmatched:
        with change.recorded("U", wanted.unmatched, what="studies that match no rule"):
            storage.access_groups.give_unmatched_to(wanted.unmatched)
    if wanted.is_enforced != before.is_enforced:
        word = "enforced" if wanted.is_enforced else "no longer enforced"
        with change.recorded("U", "all access groups", what=word):
            storage.access_groups.enforce(wanted.is_enforced)
    return _policy(storage.webhooks, storage.access_groups)


@router.get("/access-groups", summary="List the access groups")
@policy(ADMINS, "admin", _LOOKED_AT)
def list_access_groups(storage: StorageDep) -> AccessGroupList:
    return AccessGroupList(items=[_payload(group) for group in storage.access_groups.all()])


@router.post(
    "/access-groups",
    status_code=201,
    summary="Add an access group",
    responses=problems(400, 401, 403, 409, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def add_access_group(
    storage: StorageDep, change: ChangeDep, wanted: NewAccessGroup
) -> AccessGroupPayload:
    """The worker applies its rule to all studies, the newest first."""
    if wanted.rule is not None:
        read_rule(wanted.rule)
    with change.recorded("C", wanted.name):
        group = storage.access_groups.add(wanted.name, wanted.description, wanted.rule)
    return _payload(group)


@router.get("/access-groups/{name}", summary="One access group", responses=problems(404))
@policy(ADMINS, "admin", _LOOKED_AT)
def get_access_group(storage: StorageDep, name: Name) -> AccessGroupPayload:
    return _payload(storage.access_groups.get(name))


@router.put(
    "/access-groups/{name}",
    summary="Change an access group",
    responses=problems(400, 401, 403, 404, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def change_access_group(
    storage: StorageDep, change: ChangeDep, name: Name, wanted: AccessGroupFields
) -> AccessGroupPayload:
    """A changed rule takes effect study by study, as the worker applies it."""
    if wanted.rule is not None:
        read_rule(wanted.rule)
    with change.recorded("U", name, what="description and rule"):
        group = storage.access_groups.change(name, description=wanted.description, rule=wanted.rule)
    return _payload(group)


@router.delete(
    "/access-groups/{name}",
    status_code=204,
    summary="Remove an access group",
    responses=problems(400, 401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def remove_access_group(storage: StorageDep, change: ChangeDep, name: Name) -> None:
    """At once for its members; its studies then go by the rules of the other groups."""
    with change.recorded("D", name):
        storage.access_groups.remove(name)


@router.get("/access-groups/{name}/members", summary="Its members", responses=problems(404))
@policy(ADMINS, "admin", _LOOKED_AT)
def list_members(storage: StorageDep, name: Name) -> MemberList:
    members = storage.access_groups.members(name)
    return MemberList(
        items=[
            MemberPayload(
                kind=one.kind, subject=one.subject, issuer=one.issuer, expires_at=one.expires_at
            )
            for one in members
        ]
    )


@router.post(
    "/access-groups/{name}/members",
    status_code=204,
    summary="Add a member",
    responses=problems(400, 401, 403, 404, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def add_member(storage: StorageDep, change: ChangeDep, name: Name, wanted: NewMember) -> None:
    """It counts within a second in every process. Again changes `expires_at`."""
    member = f"{wanted.kind}:{wanted.subject}"
    with change.recorded("U", name, what="member added", member=member):
        storage.access_groups.add_member(name, wanted.member(wanted.expires_at))


@router.delete(
    "/access-groups/{name}/members",
    status_code=204,
    summary="Remove a member",
    responses=problems(401, 403, 404, 422),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def remove_member(
    storage: StorageDep,
    change: ChangeDep,
    name: Name,
    wanted: Annotated[MemberFields, Query()],
) -> None:
    member = f"{wanted.kind}:{wanted.subject}"
    with change.recorded("U", name, what="member removed", member=member):
        storage.access_groups.remove_member(name, wanted.member())


@router.put(
    "/access-groups/{name}/studies/{study_instance_uid}",
    status_code=204,
    summary="Assign a study",
    responses=problems(400, 401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def assign_study(
    storage: StorageDep, change: ChangeDep, name: Name, study_instance_uid: StudyUid
) -> None:
    """Whatever the rules say. A study that matched no rule is then seen by this group alone."""
    with change.recorded("U", name, what="study assigned", study_instance_uid=study_instance_uid):
        storage.access_groups.assign(name, study_instance_uid)


@router.delete(
    "/access-groups/{name}/studies/{study_instance_uid}",
    status_code=204,
    summary="Take an assigned study away",
    responses=problems(401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change access groups")
def unassign_study(
    storage: StorageDep, change: ChangeDep, name: Name, study_instance_uid: StudyUid
) -> None:
    """The rules decide on it again."""
    with change.recorded("U", name, what="study taken away", study_instance_uid=study_instance_uid):
        storage.access_groups.unassign(name, study_instance_uid)


@router.get(
    "/studies/{study_instance_uid}/access-groups",
    summary="The access groups of a study",
    responses=problems(404),
)
@policy(ADMINS, "admin", _LOOKED_AT)
def groups_of_study(storage: StorageDep, study_instance_uid: StudyUid) -> StudyAccessGroups:
    storage.index.study(study_instance_uid)
    found = storage.access_groups.of_study(study_instance_uid)
    return StudyAccessGroups(
        items=[StudyAccessGroup(name=name, origin=origin) for name, origin in found.items()]
    )


def _policy(webhook_repository: Webhooks, access_groups: AccessGroups) -> AccessPolicyStatus:
    state, progress = access_groups.state(), access_groups.progress()
    webhooks = webhook_repository.owners()
    return AccessPolicyStatus(
        is_enforced=state.is_enforced,
        unmatched=state.unmatched,
        studies=progress.studies,
        waiting=progress.waiting,
        unreadable_rules=unreadable_rules(access_groups.all()),
        webhooks_sending_everything=webhooks.sending_everything,
        webhooks_without_owner=webhooks.without_owner,
    )


def _payload(group: AccessGroup) -> AccessGroupPayload:
    return AccessGroupPayload(
        name=group.name,
        description=group.description,
        rule=None if group.rule is None else dict(group.rule),
        is_built_in=group.is_built_in,
        member_count=group.member_count,
        study_count=group.study_count,
    )
