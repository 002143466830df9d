"""What the scope of a provider's access token leaves of somebody's roles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api.access.principal import Principal
from storage.core.callers.roles import known_scopes

_CLAIMS = ("scope", "scp")
"""RFC 9068 2.2.3, and what Entra ID and Okta write in its place."""


def narrowed(principal: Principal, claims: Mapping[str, Any]) -> Principal:
    """By the token's scope (RFC 9068 2.2.3), where it names scopes of this node.

    Others, such as openid, say nothing of what may be asked here; then the roles alone count.
    """
    scopes = known_scopes(name for claim in _CLAIMS for name in _words(claims.get(claim)))
    return replace(principal, scopes=scopes) if scopes else principal


def _words(claim: Any) -> list[str]:
    # A list, as some providers write it, must not narrow less than the text.
    text = " ".join(map(str, claim)) if isinstance(claim, list) else str(claim or "")
    return text.split()
