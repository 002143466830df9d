"""How strongly and when the provider asked who somebody is: `acr` and `auth_time`.

OpenID Connect Core 1.0, 2; for access tokens RFC 9068 2.2.1 and RFC 9470.
"""

import time
from collections.abc import Mapping
from typing import Any

from storage.settings import Settings

LEEWAY_S = 60


class InsufficientAuthentication(Exception):
    """The token is good, and the person must sign in at the provider again, or more strongly."""

    def __init__(self, reason: str, acr_values: tuple[str, ...], max_age_s: float) -> None:
        super().__init__(reason)
        self.acr_values = acr_values
        self.max_age_s = max_age_s


def is_strong_enough(claims: Mapping[str, Any], settings: Settings) -> bool:
    """By `acr`, where MEDIVIEW_OIDC_ACR_VALUES asks for one."""
    return not settings.oidc_acr_values or claims.get("acr") in settings.oidc_acr_values


def check_strength(claims: Mapping[str, Any], settings: Settings) -> None:
    """Of an access token as of an ID token: its person comes in as strongly, and no longer than a
    session lasts. Raises InsufficientAuthentication.

    A program that asks for itself was authenticated by its own key: nobody signed in.
    """
    if not settings.oidc_acr_values or _is_of_program(claims):
        return
    reason = ""
    if not is_strong_enough(claims, settings):
        reason = "The provider asked less strongly than it must who the person is."
    elif "auth_time" in claims and not _is_recent(claims["auth_time"], settings.session_max_s):
        reason = "The person signed in at the provider too long ago."
    if reason:
        raise InsufficientAuthentication(reason, settings.oidc_acr_values, settings.session_max_s)


def _is_recent(auth_time: Any, max_age_s: float) -> bool:
    if isinstance(auth_time, bool) or not isinstance(auth_time, int | float):
        return False
    now = time.time()
    return bool(now - max_age_s - LEEWAY_S <= auth_time <= now + LEEWAY_S)


def _is_of_program(claims: Mapping[str, Any]) -> bool:
    """RFC 9068 2.2: without a person the subject is the client."""
    client = claims.get("client_id", claims.get("azp"))
    return client is not None and claims.get("sub") == client and "auth_time" not in claims
