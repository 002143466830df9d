"""Logout tokens of the provider (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6)."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.access.openid_connect.provider import NotAccepted, Provider
from api.access.openid_connect.sign_in import OF_EVENTS, checked_claims, is_kept
from api.access.openid_connect.strength import LEEWAY_S
from storage.accounts.provider_logouts import ProviderLogout

_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_MAX_CHARACTERS = 16_384
# It is sent as it is made; an older one was kept by somebody.
_FRESH_S = 300
_TOKEN_ID_MAX = 255


def read_logout(provider: Provider, text: str) -> ProviderLogout:
    """Raises NotAccepted, NotConfigured."""
    if text.count(".") != 2 or len(text) > TOKEN_MAX_CHARACTERS:
        raise NotAccepted("it is not a token")
    token = provider.decoded(text)
    kind = str(token.header.get("typ", "")).lower().removeprefix("application/")
    claims = dict(token.claims)
    # Keycloak states a `typ` in the claims, too.
    if kind not in ("", "jwt", "logout+jwt") or claims.get("typ", "Logout") != "Logout":
        raise NotAccepted("the token is not a logout token")
    events = claims.get(OF_EVENTS)
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT), dict):
        raise NotAccepted("the token is of no logout")
    if "nonce" in claims:
        raise NotAccepted("the token has a nonce, as ID tokens have")
    claims = checked_claims(provider, token, provider.settings.oidc_client_id, subject=False)
    issued_at = claims.get("iat")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
        raise NotAccepted("the token does not state when it was made")
    now = time.time()
    if not now - _FRESH_S - LEEWAY_S <= issued_at <= now + LEEWAY_S:
        raise NotAccepted("the token was not made just now")
    subject, session, token_id = (_text(claims, name) for name in ("sub", "sid", "jti"))
    if not subject and not session:
        raise NotAccepted("the token names neither a person nor a session")
    if not token_id:
        raise NotAccepted("the token has no identifier")
    # As long as it could pass here once more.
    until = issued_at + _FRESH_S + 2 * LEEWAY_S
    return ProviderLogout(
        provider.settings.oidc_issuer,
        subject,
        session,
        token_id,
        datetime.fromtimestamp(until, UTC),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    """ "" where it is not stated. Raises NotAccepted where it is none."""
    found = claims.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or not is_kept(found):
        raise NotAccepted(f"{name} is not a text of 1 to {_TOKEN_ID_MAX} printable characters")
    return found
