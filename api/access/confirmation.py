"""What only a person may do, and only one who has just shown again who it is.

A person who finds a session open, or steals its cookie, must not sign under another's name nor
change who may come in, where data goes, or what is deleted. Each signature uses a confirmation
up; other deeds share one for some minutes.
"""

from datetime import timedelta

from api.access.principal import Principal
from api.errors import ApiProblem
from storage.accounts.confirmations import Confirmations
from storage.core.clock import utcnow

CONFIRMED_FOR = timedelta(minutes=5)


def check_person(principal: Principal, deed: str) -> None:
    """Raise ApiProblem 403 for a program. Without sign-in nobody knows who it is; that may pass."""
    if principal.is_person or principal.kind == "local":
        return
    raise ApiProblem(
        403,
        "not_a_person",
        f"A key or an access token belongs to a program, and no program may {deed}.",
        remedy="A person signs in at /sign-in/ and does it there.",
    )


def check_confirmed(confirmations: Confirmations, principal: Principal, deed: str) -> None:
    """Raise ApiProblem 403 unless a person has just shown who it is. Blocks."""
    check_person(principal, deed)
    if principal.is_person and not confirmations.is_confirmed(
        principal.session_hash, utcnow() - CONFIRMED_FOR
    ):
        raise _not_confirmed(principal, deed)


def use_confirmation(confirmations: Confirmations, principal: Principal, deed: str) -> None:
    """The same, once for each confirmation. Blocks."""
    check_person(principal, deed)
    if principal.is_person and not confirmations.use(
        principal.session_hash, utcnow() - CONFIRMED_FOR
    ):
        raise _not_confirmed(principal, deed)


def _not_confirmed(principal: Principal, deed: str) -> ApiProblem:
    if principal.kind == "account":
        remedy = "Send your password to POST /api/session/confirmation, then try again."
    else:
        remedy = "Go to /api/session/oidc/start?confirm=true, sign in again, then try again."
    return ApiProblem(
        403,
        "confirmation_required",
        f"To {deed}, show again who you are.",
        remedy=remedy,
    )
