"""One's own second factors: setting them up, taking them away, recovery codes."""

from typing import Annotated

from fastapi import Path, Request, Response

from api.access.authenticator import Authenticator
from api.access.confirmation import check_confirmed
from api.access.policy import ENROLMENT_STEP, READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.access.second_factor.relying_party import relying_party
from api.access.second_factor.schemas import (
    Enrolled,
    FactorPayload,
    KeyRegistration,
    NewTotp,
    OwnFactors,
    RecoveryCodeList,
    TotpCode,
    WebAuthnOptions,
)
from api.access.second_factor.sign_in import account_of, factor_change, go_on, party_of
from api.access.sessions.session_routes import AuthenticatorDep
from api.audit_rules import BY_ITSELF, NOT_YET, OWN_ACCESS
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.confirmations import Confirmations
from storage.accounts.recovery_codes import RecoveryCodes
from storage.accounts.second_factors import SecondFactors
from storage.accounts.sessions import Sessions
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.settings import Settings

router = new_router(prefix="/api/me", tags=["session"])

FactorId = Annotated[str, Path(pattern=r"^[0-9a-z]{1,16}$", examples=["4f2a9c01d7e3"])]
_FACTORS = "/second-factors"
_ADDED = "second factor added"


@router.get(_FACTORS, summary="My second factors", responses=problems(401, 409))
@policy(READERS, "api:read", OWN_ACCESS, steps=ENROLMENT_STEP)
def list_factors(principal: PrincipalDep, storage: StorageDep, settings: SettingsDep) -> OwnFactors:
    account = account_of(principal)
    return OwnFactors(
        items=[FactorPayload.of(one) for one in storage.second_factors.of(account)],
        recovery_codes_left=storage.recovery_codes.left(account),
        is_required=principal.has_any(settings.second_factor_roles),
        keys_work=relying_party(settings) is not None,
    )


@router.post(
    f"{_FACTORS}/totp",
    status_code=201,
    summary="Begin to set an authenticator app up",
    responses=problems(400, 401, 403, 409),
)
@policy(READERS, "api:write", NOT_YET, steps=ENROLMENT_STEP)
def begin_totp(principal: PrincipalDep, storage: StorageDep) -> NewTotp:
    """Shows the secret this once; send a code of the app to `totp/{factor_id}` next."""
    import pyotp
    import segno

    account = _may_enrol(storage.confirmations, principal)
    factor_id, secret = storage.second_factors.begin_totp(account, utcnow())
    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name="MediViewAI")
    qr = segno.make(uri, error="m").svg_data_uri(scale=5, border=3, light="white")
    return NewTotp(factor_id=factor_id, secret=secret, uri=uri, qr=qr)


@router.post(
    f"{_FACTORS}/totp/{{factor_id}}",
    summary="Show that the authenticator app works",
    responses=problems(400, 401, 403, 404, 409, 422),
)
@policy(READERS, "api:write", BY_ITSELF, steps=ENROLMENT_STEP)
def confirm_totp(
    factor_id: FactorId,
    given: TotpCode,
    request: Request,
    response: Response,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> Enrolled:
    """The factor counts from now on; other sessions of the account end."""
    account = _may_enrol(storage.confirmations, principal)
    code = given.code.get_secret_value()
    with factor_change(request, storage.audit, principal, _ADDED):
        if not storage.second_factors.confirm_totp(account, factor_id, code, given.label, utcnow()):
            raise InvalidRequest(
                "The code is not the one of this moment.",
                remedy="Check the clock of the telephone, and type the next code.",
            )
    return _enrolled(
        response,
        principal,
        storage.sessions,
        storage.second_factors,
        storage.recovery_codes,
        settings,
        authenticator,
    )


@router.post(
    f"{_FACTORS}/key/options",
    summary="Begin to register a security key",
    responses=problems(401, 403, 409),
)
@policy(READERS, "api:write", NOT_YET, steps=ENROLMENT_STEP)
def begin_key(
    principal: PrincipalDep, storage: StorageDep, settings: SettingsDep
) -> WebAuthnOptions:
    account = _may_enrol(storage.confirmations, principal)
    known = storage.second_factors.of(account)
    from api.access.second_factor.webauthn import registration_options

    challenge, options = registration_options(party_of(settings), account, known)
    storage.challenges.set(principal.session_hash, challenge, utcnow())
    return WebAuthnOptions(public_key=options)


@router.post(
    f"{_FACTORS}/key",
    status_code=201,
    summary="Register a security key",
    responses=problems(400, 401, 403, 409, 422),
)
@policy(READERS, "api:write", BY_ITSELF, steps=ENROLMENT_STEP)
def add_key(
    given: KeyRegistration,
    request: Request,
    response: Response,
    principal: PrincipalDep,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> Enrolled:
    """The factor counts from now on; other sessions of the account end."""
    account, now = _may_enrol(storage.confirmations, principal), utcnow()
    challenge = storage.challenges.take(principal.session_hash, now)
    from api.access.second_factor.webauthn import registered

    key = registered(party_of(settings), challenge, given.credential) if challenge else None
    if key is None:
        raise InvalidRequest(
            "The security key did not answer the challenge of this session.",
            remedy="Begin again with POST /api/me/second-factors/key/options.",
        )
    with factor_change(request, storage.audit, principal, _ADDED):
        storage.second_factors.add_key(
            account, key.credential_id, key.public_key, key.sign_count, given.label, now
        )
    return _enrolled(
        response,
        principal,
        storage.sessions,
        storage.second_factors,
        storage.recovery_codes,
        settings,
        authenticator,
    )


@router.delete(
    f"{_FACTORS}/{{factor_id}}",
    status_code=204,
    summary="Remove one of my second factors",
    responses=problems(401, 403, 404, 409),
)
@policy(READERS, "api:write", BY_ITSELF, confirmed_to="remove a second factor")
def remove_factor(
    factor_id: FactorId,
    request: Request,
    principal: PrincipalDep,
    storage: StorageDep,
    authenticator: AuthenticatorDep,
) -> None:
    """Who has shown again who it is. With the last one go the recovery codes."""
    account = account_of(principal)
    with factor_change(request, storage.audit, principal, "second factor removed"):
        storage.second_factors.remove(account, factor_id)
    authenticator.forget()


@router.post("/recovery-codes", summary="New recovery codes", responses=problems(401, 403, 409))
@policy(READERS, "api:write", BY_ITSELF, confirmed_to="make new recovery codes")
def renew_recovery_codes(
    request: Request, principal: PrincipalDep, storage: StorageDep
) -> RecoveryCodeList:
    """In the place of those before. Who has shown again who it is."""
    account = account_of(principal)
    if not storage.second_factors.of(account):
        raise ApiProblem(
            409,
            "no_second_factor",
            "Recovery codes stand in for a second factor, and the account has none.",
            remedy="Set one up first.",
        )
    with factor_change(request, storage.audit, principal, "recovery codes renewed"):
        codes = storage.recovery_codes.renew(account, utcnow())
    return RecoveryCodeList(recovery_codes=codes)


def _enrolled(
    response: Response,
    principal: Principal,
    sessions: Sessions,
    second_factors: SecondFactors,
    recovery_codes: RecoveryCodes,
    settings: Settings,
    authenticator: Authenticator,
) -> Enrolled:
    account = principal.identity.subject
    second_factors.end_other_sessions(account, principal.session_hash)
    codes = []
    if recovery_codes.left(account) == 0:
        codes = recovery_codes.renew(account, utcnow())
    go_on(response, sessions, settings, authenticator, principal)
    return Enrolled(recovery_codes=codes)


def _may_enrol(confirmations: Confirmations, principal: Principal) -> str:
    """The account; a person whom the sign-in has just sent here need not confirm it again."""
    account = account_of(principal)
    if principal.step != "enrolment":
        check_confirmed(confirmations, principal, "set a second factor up")
    return account
