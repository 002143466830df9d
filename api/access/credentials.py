"""Name and password, and how often they may be wrong."""

import math

import structlog
from fastapi import Request

from api.access import audited_sign_ins
from api.access.principal import Principal
from api.errors import ApiProblem
from storage.accounts.login_throttle import LoginThrottle, Subject, by_session
from storage.accounts.repository import Account, Accounts
from storage.audit import Audit

log = structlog.get_logger(__name__)


def own_account(
    request: Request,
    accounts: Accounts,
    throttle: LoginThrottle,
    audit: Audit,
    principal: Principal,
    password: str,
    method: str,
) -> Account:
    """The account of who asks, if the password is its own.

    Attempts count for the session: a stranger who guesses at the name, or who shares the
    address, keeps nobody from signing.
    """
    if principal.kind != "account":
        raise ApiProblem(
            409,
            "no_password",
            "You have no password at this node.",
            remedy="Change it, or sign in again, where you sign in.",
        )
    subject = by_session(principal.session_hash)
    return checked_account(
        request, accounts, throttle, audit, principal.identity.subject, password, method, subject
    )


def checked_account(
    request: Request,
    accounts: Accounts,
    throttle: LoginThrottle,
    audit: Audit,
    name: str,
    password: str,
    method: str,
    *counted: Subject,
) -> Account:
    """The account of name and password, or 401; 429 while it is too early to try.

    `counted`: whose attempts these are. One that works clears them; of those that several people
    share that one attempt is taken back.
    """
    begin_attempt(request, throttle, audit, method, *counted)
    account = accounts.check(name, password)
    if account is None:
        known = any(one.name == name.strip().lower() for one in accounts.all())
        claimed = name.strip().lower() if known else ""
        audited_sign_ins.sign_in_failed(audit, request.scope, method, "wrong credentials", claimed)
        log.warning("sign_in_failed", method=method)
        raise ApiProblem(
            401,
            "wrong_credentials",
            "Name or password is wrong, or the account is disabled.",
            remedy="Try again, or ask an administrator: `mediview users set-password NAME`.",
        )
    for subject in counted:
        if subject.is_shared:
            throttle.uncount(subject)
        else:
            throttle.clear(subject)
    return account


def begin_attempt(
    request: Request,
    throttle: LoginThrottle,
    audit: Audit,
    method: str,
    *counted: Subject,
    claimed_name: str = "",
) -> None:
    """Count one attempt more. Raises ApiProblem 429 while it is too early for it."""
    wait_s = throttle.begin(counted)
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        audited_sign_ins.sign_in_failed(
            audit, request.scope, method, "too many attempts", claimed_name
        )
        raise ApiProblem(
            429,
            "too_many_attempts",
            "Sign-in failed too often.",
            remedy=f"Wait {seconds} s, then try again.",
            headers={"Retry-After": str(seconds)},
        )
