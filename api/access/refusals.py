"""The answers to those who are not let in, and what they can do about it."""

from api.access.authenticator import Credential
from api.access.openid_connect.strength import InsufficientAuthentication
from api.errors import ApiProblem
from storage.accounts.sessions import SignInStep

_SIGN_IN = (
    "Sign in at /sign-in/, or send 'Authorization: Bearer' with a key that"
    " `mediview keys create` made."
)


def not_ours(detail: str) -> ApiProblem:
    return ApiProblem(
        403,
        "csrf",
        detail,
        remedy="Send the csrf_token of GET /api/session as X-CSRF-Token; programs use a key.",
    )


def unauthenticated(credential: Credential | None) -> ApiProblem:
    challenge = 'Bearer realm="MediViewAI"'
    if credential is None:
        return ApiProblem(
            401,
            "not_signed_in",
            "This needs someone who has signed in.",
            remedy=_SIGN_IN,
            headers={"WWW-Authenticate": challenge},
        )
    if credential.kind == "cookie":
        return ApiProblem(
            401,
            "session_ended",
            "The session has ended.",
            remedy=_SIGN_IN,
            headers={"WWW-Authenticate": challenge},
        )
    return ApiProblem(
        401,
        "credential_refused",
        "The key or token is not valid: unknown, expired or revoked.",
        remedy="Ask an administrator for a new one; send it as 'Authorization: Bearer …', or as the"
        " password of a program whose user is the key's name.",
        headers={"WWW-Authenticate": f'{challenge}, error="invalid_token"'},
    )


def insufficient(error: InsufficientAuthentication) -> ApiProblem:
    """RFC 9470 3: what the provider is to be asked for."""
    values = " ".join(error.acr_values).replace("\\", "\\\\").replace('"', '\\"')
    challenge = (
        f'Bearer realm="MediViewAI", error="insufficient_user_authentication",'
        f' error_description="{error}",'
        f' acr_values="{values}", max_age="{error.max_age_s:.0f}"'
    )
    return ApiProblem(
        401,
        "insufficient_user_authentication",
        str(error),
        remedy="Ask the identity provider for a new token with the acr_values and the max_age of"
        " WWW-Authenticate.",
        headers={"WWW-Authenticate": challenge},
    )


_STEPS: dict[SignInStep, tuple[str, str]] = {
    "second_factor": (
        "The second factor is missing.",
        "Send it to POST /api/session/second-factor, or go on at /sign-in/.",
    ),
    "password": (
        "The password was set by somebody else, and must be changed first.",
        "Send another one to PUT /api/session/password, or go on at /sign-in/.",
    ),
    "enrolment": (
        "This role needs a second factor, and the account has none.",
        "Set one up at /sign-in/, or by POST /api/me/second-factors/totp.",
    ),
}


def unfinished(step: SignInStep) -> ApiProblem:
    """Somebody knew the password, and has not done the rest yet."""
    detail, remedy = _STEPS[step]
    return ApiProblem(
        401,
        "sign_in_unfinished",
        detail,
        remedy=remedy,
        headers={"WWW-Authenticate": 'Bearer realm="MediViewAI"'},
    )
