"""Accounts and keys, for an administrator."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Request

from api.access.actor import actor_of
from api.access.audited_changes import access_change, owner_change
from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.access.schemas import (
    KeyPayload,
    Keys,
    MadeKey,
    NewKey,
    NewUser,
    UserChange,
    UserPayload,
    Users,
)
from api.access.sessions.schemas import EndedSessions
from api.access.sessions.session_routes import AuthenticatorDep
from api.audit_rules import BY_ITSELF, Audited
from api.deps import StorageDep
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.names import checked_name
from storage.accounts.repository import Account
from storage.accounts.second_factors import SecondFactors
from storage.audit import Code, Type
from storage.core.callers.identity import of_account
from storage.core.callers.roles import checked_roles, checked_scopes
from storage.core.clock import utcnow

router = new_router(prefix="/api", tags=["access"])

Name = Annotated[str, Path(max_length=80, examples=["ada"])]
KeyId = Annotated[str, Path(max_length=80, examples=["4f2a9c01d7e3"])]


@router.get("/users", summary="All accounts", responses=problems(401, 403))
@policy(ADMINS, "admin", Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION))
def list_users(storage: StorageDep) -> Users:
    with_factor = storage.second_factors.accounts_with()
    accounts = storage.accounts.all()
    return Users(items=[UserPayload.of(one, one.name in with_factor) for one in accounts])


@router.post(
    "/users", status_code=201, summary="Add an account", responses=problems(400, 401, 403, 409, 422)
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="add an account")
def add_user(
    given: NewUser, request: Request, principal: PrincipalDep, storage: StorageDep
) -> UserPayload:
    """A person does so, having shown again who it is. Its owner changes the password first."""
    actor = actor_of(request.scope, principal)
    name, roles = checked_name(given.name), sorted(checked_roles(given.roles))
    with access_change(storage.audit, actor, "C", "account", name, roles=roles):
        account = storage.accounts.add(
            name,
            given.password.get_secret_value(),
            roles,
            person_name=given.person_name or "",
            must_change_password=True,
        )
    return _payload(storage.second_factors, account)


@router.get("/users/{name}", summary="One account", responses=problems(401, 403, 404))
@policy(ADMINS, "admin", Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION))
def get_user(name: Name, storage: StorageDep) -> UserPayload:
    return _payload(storage.second_factors, storage.accounts.get(name))


@router.patch(
    "/users/{name}", summary="Change an account", responses=problems(400, 401, 403, 404, 422)
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="change an account")
def change_user(
    name: Name,
    given: UserChange,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> UserPayload:
    """A new password or `disabled` ends the account's sessions; roles count at once.

    Where one thing is refused, nothing is changed.

    Somebody else's new password has to be changed at the next sign-in.

    A person does so, having shown again who it is.
    """
    name = name.strip().lower()
    words = {
        "enabled": given.disabled is False,
        "disabled": given.disabled is True,
        "person name": given.person_name is not None,
        "password": given.password is not None,
    }
    changed = [word for word, is_changed in words.items() if is_changed]
    detail: dict[str, str | list[str]] = {"what": ", ".join(changed)} if changed else {}
    if given.roles is not None:
        detail["roles"] = sorted(given.roles)
    actor = actor_of(request.scope, principal)
    with owner_change(storage.audit, actor, "U", "account", name, **detail) as ended:
        account = storage.accounts.change(
            name,
            roles=given.roles,
            disabled=given.disabled,
            person_name=given.person_name,
            password=None if given.password is None else given.password.get_secret_value(),
            must_change_password=principal.identity != of_account(name),
            note=ended.append,
        )
    authenticator.forget()
    return _payload(storage.second_factors, account)


@router.delete(
    "/users/{name}/second-factors",
    summary="Remove the second factors that somebody has lost",
    responses=problems(401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="remove second factors")
def reset_second_factors(
    name: Name,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> UserPayload:
    """Recovery codes too; the account's sessions end.

    A person does so, having shown again who it is.
    """
    account = storage.accounts.get(name)
    actor = actor_of(request.scope, principal)
    with access_change(
        storage.audit, actor, "U", "account", account.name, what="second factors removed"
    ):
        storage.second_factors.reset(account.name)
    authenticator.forget()
    return _payload(storage.second_factors, account)


@router.delete(
    "/users/{name}/sessions",
    summary="Sign somebody out everywhere",
    responses=problems(401, 403, 404),
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def end_sessions(
    name: Name,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> EndedSessions:
    """All sessions of an account. What takes access away at once asks for no password."""
    account = storage.accounts.get(name)
    identity = of_account(account.name)
    open_now = storage.sessions.all_of(identity, utcnow())
    actor = actor_of(request.scope, principal)
    what = f"{len(open_now)} sessions ended"
    with access_change(storage.audit, actor, "U", "account", account.name, what=what):
        ended = storage.sessions.end_of(identity, [one.token_hash for one in open_now])
    authenticator.forget()
    return EndedSessions(ended=ended)


@router.get("/keys", summary="All keys, without their secrets", responses=problems(401, 403))
@policy(ADMINS, "admin", Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION))
def list_keys(storage: StorageDep) -> Keys:
    return Keys(items=[KeyPayload.of(one) for one in storage.api_keys.all()])


@router.post(
    "/keys", status_code=201, summary="Make a key", responses=problems(400, 401, 403, 409, 422)
)
@policy(ADMINS, "admin", BY_ITSELF, people_only=True, confirmed_to="make a key")
def make_key(
    given: NewKey, request: Request, principal: PrincipalDep, storage: StorageDep
) -> MadeKey:
    """The answer shows the secret; it cannot be had again.

    A person does so, having shown again who it is: else a key that is found out could be
    outlived by one that it made itself.
    """
    days = given.expires_in_days
    actor = actor_of(request.scope, principal)
    name = given.name.strip()
    roles, scopes = sorted(checked_roles(given.roles)), sorted(checked_scopes(given.scopes or ()))
    with access_change(storage.audit, actor, "C", "key", name, roles=roles, scopes=scopes):
        key, secret = storage.api_keys.create(
            name,
            roles,
            scopes,
            created_by=principal.name,
            expires_at=None if days is None else utcnow() + timedelta(days=days),
        )
    return MadeKey(key=KeyPayload.of(key), secret=secret)


@router.get("/keys/{key_id}", summary="One key", responses=problems(401, 403, 404))
@policy(ADMINS, "admin", Audited(Code.SECURITY_ALERT, "R", Type.SECURITY_CONFIGURATION))
def get_key(key_id: KeyId, storage: StorageDep) -> KeyPayload:
    return KeyPayload.of(storage.api_keys.get(key_id))


@router.delete("/keys/{key_id}", summary="Revoke a key", responses=problems(401, 403, 404))
@policy(ADMINS, "admin", BY_ITSELF, people_only=True)
def revoke_key(
    key_id: KeyId,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> KeyPayload:
    """It counts no more, in every process within a second; its line stays.

    A person does so. What takes access away at once asks for no password.
    """
    key = storage.api_keys.get(key_id)
    actor = actor_of(request.scope, principal)
    with owner_change(storage.audit, actor, "D", "key", key.name, what="revoked") as ended:
        key = storage.api_keys.revoke(key.key_id, utcnow(), ended.append)
    authenticator.forget()
    return KeyPayload.of(key)


def _payload(second_factors: SecondFactors, account: Account) -> UserPayload:
    return UserPayload.of(account, bool(second_factors.of(account.name)))
