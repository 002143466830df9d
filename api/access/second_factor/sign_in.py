"""The second factor at the sign-in, and what its routes share."""

from contextlib import AbstractContextManager, nullcontext

import structlog
from fastapi import Request, Response

from api.access import audited_sign_ins
from api.access.actor import actor_of
from api.access.audited_changes import access_change
from api.access.authenticator import Authenticator, of_session
from api.access.credentials import begin_attempt
from api.access.policy import FACTOR_STEP, READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.access.schemas import SessionInfo
from api.access.second_factor.relying_party import RelyingParty, relying_party
from api.access.second_factor.schemas import ShownFactor, WebAuthnOptions
from api.access.session_cookies import set_session
from api.access.sessions.session_routes import AuthenticatorDep, session_info
from api.audit_rules import BY_ITSELF, PUBLIC
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.challenges import Challenges
from storage.accounts.login_throttle import by_second_factor
from storage.accounts.recovery_codes import RecoveryCodes
from storage.accounts.second_factors import SecondFactors
from storage.accounts.sessions import Sessions
from storage.audit import Audit
from storage.core.clock import utcnow
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/session/second-factor", tags=["session"])


@router.post(
    "/options",
    summary="What a security key is to sign at the sign-in",
    responses=problems(401, 403, 409),
)
@policy(READERS, "api:write", PUBLIC, steps=FACTOR_STEP)
def get_challenge(
    principal: PrincipalDep, storage: StorageDep, settings: SettingsDep
) -> WebAuthnOptions:
    account = account_of(principal)
    party = party_of(settings)
    known = [one for one in storage.second_factors.of(account) if one.kind == "webauthn"]
    if not known:
        raise ApiProblem(
            409, "no_security_key", "The account has no security key.", remedy="Send a code."
        )
    from api.access.second_factor.webauthn import authentication_options

    challenge, options = authentication_options(party, known)
    storage.challenges.set(principal.session_hash, challenge, utcnow())
    return WebAuthnOptions(public_key=options)


@router.post(
    "",
    summary="Show the second factor",
    responses=problems(401, 403, 409, 422, 429),
)
@policy(READERS, "api:write", BY_ITSELF, steps=FACTOR_STEP)
def show_second_factor(
    given: ShownFactor,
    request: Request,
    response: Response,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> SessionInfo:
    """Ends the step of the sign-in. Repeated failures make the next attempt wait."""
    account = account_of(principal)
    if principal.step != "second_factor":
        raise ApiProblem(
            409, "no_second_factor_due", "No second factor is missing.", remedy="Go on."
        )
    subject = by_second_factor(account)
    begin_attempt(
        request,
        storage.login_throttle,
        storage.audit,
        "second factor",
        subject,
        claimed_name=account,
    )
    way = _way_of(
        given,
        principal,
        account,
        storage.challenges,
        storage.second_factors,
        storage.recovery_codes,
        settings,
    )
    if not way:
        audited_sign_ins.sign_in_failed(
            storage.audit, request.scope, "second factor", "wrong", account
        )
        log.warning("sign_in_failed", method="second factor")
        raise ApiProblem(
            401,
            "wrong_second_factor",
            "The code or the security key is not the right one, or the code was used before.",
            remedy="Wait for the next code, use a recovery code, or ask an administrator:"
            " `mediview users reset-second-factor NAME`.",
        )
    storage.login_throttle.clear(subject)
    audited_sign_ins.signed_in(storage.audit, request.scope, principal, way)
    with (
        factor_change(request, storage.audit, principal, "recovery code used")
        if way == "recovery code"
        else nullcontext()
    ):
        token = go_on(response, storage.sessions, settings, authenticator, principal)
    return session_info(
        storage.second_factors, settings, of_session(storage.sessions, token, utcnow()), token
    )


def _way_of(
    given: ShownFactor,
    principal: Principal,
    account: str,
    challenges: Challenges,
    second_factors: SecondFactors,
    recovery_codes: RecoveryCodes,
    settings: Settings,
) -> str:
    """By what the person has shown it; empty where it was not right."""
    now = utcnow()
    if given.code is not None:
        right = second_factors.check_totp(account, given.code.get_secret_value(), now)
        return "authenticator app" if right else ""
    if given.recovery_code is not None:
        code = given.recovery_code.get_secret_value()
        return "recovery code" if recovery_codes.use(account, code) else ""
    challenge = challenges.take(principal.session_hash, now)
    party = relying_party(settings)
    if not challenge or party is None or given.credential is None:
        return ""
    from api.access.second_factor.webauthn import used_key

    used = used_key(party, challenge, given.credential, second_factors.of(account))
    if used is None or not second_factors.use_key(*used, now):
        return ""
    return "security key"


def go_on(
    response: Response,
    sessions: Sessions,
    settings: Settings,
    authenticator: Authenticator,
    principal: Principal,
) -> str:
    """The session goes on under another token; raises ApiProblem where it has just ended."""
    token = sessions.pass_second_factor(principal.session_hash, utcnow())
    authenticator.forget()
    if token is None:
        raise ApiProblem(
            401, "session_ended", "The session has ended.", remedy="Sign in again at /sign-in/."
        )
    set_session(response, settings, token)
    return token


def account_of(principal: Principal) -> str:
    if principal.kind != "account" or not principal.session_hash:
        raise ApiProblem(
            409,
            "no_password",
            "You have no password at this node, and so no second factor here.",
            remedy="Where you sign in, a second factor is set up, too.",
        )
    return principal.identity.subject


def party_of(settings: Settings) -> RelyingParty:
    party = relying_party(settings)
    if party is None:
        raise ApiProblem(
            409,
            "keys_need_a_name",
            "Browsers use security keys only where the node is reached by a name and https://.",
            remedy="An operator sets MEDIVIEW_PUBLIC_URL; use an authenticator app meanwhile.",
        )
    return party


def factor_change(
    request: Request, audit: Audit, principal: Principal, what: str
) -> AbstractContextManager[None]:
    """Around a change of one's own second factors, for the audit trail."""
    actor = actor_of(request.scope, principal)
    return access_change(audit, actor, "U", "account", principal.identity.subject, what=what)
