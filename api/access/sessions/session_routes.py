"""Who am I, signing in by name and password, signing out."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import Depends, Request, Response

from api.access import audited_sign_ins
from api.access.actor import actor_of
from api.access.audited_changes import access_change
from api.access.authenticator import Authenticator, of_session
from api.access.credentials import checked_account, own_account
from api.access.limits.forwarded import client_address, client_group
from api.access.openid_connect.provider import Provider
from api.access.policy import ANY_STEP, ANYONE, PASSWORD_STEP, READERS, policy
from api.access.principal import OptionalPrincipalDep, Principal, PrincipalDep
from api.access.schemas import (
    Confirmation,
    Credentials,
    PasswordChange,
    ProviderLink,
    SessionInfo,
    SignedOut,
)
from api.access.session_cookies import (
    csrf_token,
    device_cookie,
    end_session,
    read_cookie,
    session_cookie,
    set_device,
    set_session,
)
from api.audit_rules import BY_ITSELF, PUBLIC
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.login_throttle import Subject, by_address, by_device, by_name, by_name_at
from storage.accounts.second_factors import FactorKind, SecondFactors
from storage.accounts.sessions import Sessions
from storage.audit import Audit
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotConfigured
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/session", tags=["session"])


def get_authenticator(request: Request) -> Authenticator:
    found: Authenticator = request.app.state.authenticator
    return found


AuthenticatorDep = Annotated[Authenticator, Depends(get_authenticator)]


@router.get("", summary="Who am I, and how can I sign in")
@policy(ANYONE, "api:read", PUBLIC, steps=ANY_STEP)
def get_session(
    request: Request,
    principal: OptionalPrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> SessionInfo:
    """Answers those who have not signed in, too."""
    token = read_cookie(request.headers, session_cookie(settings))
    return session_info(storage.second_factors, settings, principal, token)


@router.post(
    "", summary="Sign in by name and password", responses=problems(401, 403, 409, 422, 429)
)
@policy(ANYONE, "api:write", BY_ITSELF, steps=ANY_STEP)
def sign_in(
    given: Credentials,
    request: Request,
    response: Response,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> SessionInfo:
    """Sets the session's cookie. Repeated failures make the next attempt wait.

    `step` in the answer names what the account still has to do; until then the session opens
    nothing else.
    """
    _check_sign_in_is_on(settings)
    kept = read_cookie(request.headers, device_cookie(settings))
    account = checked_account(
        request,
        storage.accounts,
        storage.login_throttle,
        storage.audit,
        given.name,
        given.password.get_secret_value(),
        "password",
        *_counted(request, storage.known_devices.device(kept, given.name, utcnow()), given.name),
    )
    set_device(response, settings, storage.known_devices.with_account(kept, account.name, utcnow()))
    principal = Principal(of_account(account.name), account.roles)
    has_factor = bool(storage.second_factors.of(account.name))
    method = "password; second factor to come" if has_factor else "password"
    token = open_session(
        request, response, storage.sessions, storage.audit, settings, principal, method
    )
    authenticator.forget()
    return session_info(
        storage.second_factors, settings, of_session(storage.sessions, token, utcnow()), token
    )


@router.delete("", summary="Sign out", responses=problems(401, 403))
@policy(READERS, "api:write", BY_ITSELF, steps=ANY_STEP)
def sign_out(
    request: Request,
    response: Response,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> SignedOut:
    """Ends the session here; `redirect` ends it at the identity provider as well."""
    if not principal.session_hash:
        return SignedOut()
    storage.sessions.end(principal.session_hash)
    authenticator.forget()
    end_session(response, settings)
    # What the pages kept in this browser goes with the session; our cookie has just been ended,
    # and those of other hosts of the domain, which "cookies" would take along, are theirs.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    audited_sign_ins.signed_out(storage.audit, request.scope, principal)
    return SignedOut(redirect=_provider_sign_out(request, principal, settings))


@router.put(
    "/password",
    status_code=204,
    summary="Change one's own password",
    responses=problems(400, 401, 403, 409, 422, 429),
)
@policy(READERS, "api:write", BY_ITSELF, steps=PASSWORD_STEP)
def change_password(
    given: PasswordChange,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> None:
    """One's other sessions end."""
    if given.new_password == given.current_password:
        raise InvalidRequest("The new password is the present one.", remedy="Choose another one.")
    current = given.current_password.get_secret_value()
    account = own_account(
        request,
        storage.accounts,
        storage.login_throttle,
        storage.audit,
        principal,
        current,
        "password change",
    )
    actor = actor_of(request.scope, principal)
    with access_change(storage.audit, actor, "U", "account", account.name, what="password"):
        storage.accounts.set_password(
            account.name, given.new_password.get_secret_value(), keep_session=principal.session_hash
        )
    authenticator.forget()


@router.post(
    "/confirmation",
    status_code=204,
    summary="Show again who one is, by the password",
    responses=problems(401, 403, 409, 422, 429),
)
@policy(READERS, "api:write", BY_ITSELF)
def confirm_identity(
    given: Confirmation,
    request: Request,
    response: Response,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
) -> None:
    """For the next signature, and for changes of accounts and keys within five minutes.

    The session goes on under another token: ask `GET /api/session` for the `csrf_token` of it.
    Who signs in at an identity provider goes to `/api/session/oidc/start?confirm=true` instead.
    """
    password = given.password.get_secret_value()
    own_account(
        request,
        storage.accounts,
        storage.login_throttle,
        storage.audit,
        principal,
        password,
        "confirmation",
    )
    token = storage.confirmations.confirm(principal.session_hash, principal.identity, utcnow())
    if token is None:
        raise ApiProblem(
            401, "session_ended", "The session has ended.", remedy="Sign in again at /sign-in/."
        )
    set_session(response, settings, token)
    audited_sign_ins.signed_in(storage.audit, request.scope, principal, "confirmation by password")


def _counted(request: Request, device: str, name: str) -> Sequence[Subject]:
    """Whose attempt it is. Strangers who guess keep nobody out of a browser that they have not."""
    if device:
        return (by_device(device, name),)
    group = client_group(request.scope)
    return by_name_at(name, group), by_name(name), by_address(group)


def session_info(
    second_factors: SecondFactors, settings: Settings, principal: Principal | None, token: str
) -> SessionInfo:
    """As `GET /api/session` answers; the token of a page for one who came by a cookie."""
    link = None
    if settings.oidc_issuer and settings.auth == "required":
        link = ProviderLink(label=settings.oidc_label, href=f"{router.prefix}/oidc/start")
    if principal is None:
        return SessionInfo(signed_in=False, provider=link)
    kinds: set[FactorKind] = set()
    if principal.step == "second_factor":
        kinds = {one.kind for one in second_factors.of(principal.identity.subject)}
    return SessionInfo(
        signed_in=not principal.step,
        step=principal.step,
        second_factors=sorted(kinds),
        kind=principal.kind,
        name=principal.name,
        roles=sorted(principal.roles),
        csrf_token=csrf_token(token) if token and principal.kind in ("account", "oidc") else "",
        provider=link,
        dictation=settings.browser_dictation,
    )


def open_session(
    request: Request,
    response: Response,
    sessions: Sessions,
    audit: Audit,
    settings: Settings,
    principal: Principal,
    method: str,
) -> str:
    """A new session, in a cookie of `response`; the one that the browser had is ended."""
    if principal.kind not in ("account", "oidc"):
        raise RuntimeError("only people have sessions")
    audited_sign_ins.signed_in(audit, request.scope, principal, method)
    old = request.scope.get("state", {}).get("principal")
    if isinstance(old, Principal) and old.session_hash:
        sessions.end(old.session_hash)
    token, _ = sessions.open(
        principal.identity,
        principal.roles,
        client_address(request.scope),
        utcnow(),
        request.headers.get("user-agent", ""),
        principal.groups,
        principal.provider_session_id,
    )
    set_session(response, settings, token)
    log.info("signed_in", principal_kind=principal.kind, method=method)
    return token


def _check_sign_in_is_on(settings: Settings) -> None:
    if settings.auth == "none":
        raise ApiProblem(
            409,
            "sign_in_is_off",
            "This node runs without sign-in.",
            remedy="An operator sets MEDIVIEW_AUTH=required to change that.",
        )


def _provider_sign_out(request: Request, principal: Principal, settings: Settings) -> str:
    provider: Provider | None = request.app.state.provider
    if principal.kind != "oidc" or provider is None:
        return ""
    try:
        url = provider.endpoint("end_session_endpoint", needed=False)
    except NotConfigured:
        # Here the session has ended; the provider's own is out of reach.
        return ""
    if not url:
        return ""
    asked = {
        "client_id": settings.oidc_client_id,
        "post_logout_redirect_uri": f"{settings.resolved_public_url}/sign-in/",
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"
