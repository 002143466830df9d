"""Signing in at another provider: authorization code with PKCE, state and nonce; access tokens.

OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9068 (access tokens as JWT).
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import structlog
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry, Token

from api.access.openid_connect.provider import NotAccepted, Provider
from api.access.openid_connect.scopes import narrowed
from api.access.openid_connect.strength import LEEWAY_S, check_strength, is_strong_enough
from api.access.principal import Principal
from storage.core.callers.identity import Identity
from storage.core.callers.roles import ROLES, Role
from storage.settings import Settings

log = structlog.get_logger(__name__)

_NOTHING: Mapping[str, str] = {}
_NAME_MAX = 255
# OpenID Connect Core 1.0, 2.
_SUBJECT_MAX = 255
_MOST_GROUPS = 200
# OpenID Connect Core 1.0, 2 and 3.3.2.11.
_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})
# Of logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.4) and other events (RFC 8417).
OF_EVENTS = "events"
_FLOW = ("state", "nonce", "verifier", "next", "confirms")
# From the password to the answer: the provider redirects at once.
_JUST_NOW_S = 60
_SECRET_LENGTH = 43
"""Of 32 random bytes in base64url, which is what RFC 7636 4.1 asks of a verifier, too."""


@dataclass(frozen=True)
class Flow:
    """What one browser keeps, in a cookie, while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    next: str
    confirms: str = ""
    """The hash of the session whose person signs in once more; empty: a session begins."""

    @classmethod
    def begin(cls, next_page: str, confirms: str = "") -> "Flow":
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, next_page, confirms)

    def text(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def read(cls, text: str) -> "Flow":
        """Raises NotAccepted."""
        try:
            kept = json.loads(base64.urlsafe_b64decode(text))
            found = cls(*(str(kept[name]) for name in _FLOW))
            # Half of a surrogate pair has no bytes that could be compared or sent.
            "".join(asdict(found).values()).encode()
            # Of what `begin` makes. An empty one would equal what an answer does not have.
            if min(map(len, (found.state, found.nonce, found.verifier))) < _SECRET_LENGTH:
                raise ValueError("a part of it is too short")
            return found
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise NotAccepted("the browser's cookie of the sign-in is missing") from error


def authorization_url(
    provider: Provider, flow: Flow, redirect_uri: str, extra: Mapping[str, str] = _NOTHING
) -> str:
    """Where the browser goes to sign in; `extra` parameters replace. Raises NotConfigured."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": provider.settings.oidc_client_id,
        "redirect_uri": redirect_uri,
        "scope": provider.settings.oidc_scopes,
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **extra,
    }
    if flow.confirms:
        # An open session there is not enough: the person shows again who it is (Core 1.0, 3.1.2.1).
        asked |= {"max_age": "0", "prompt": "login"}
    url = provider.endpoint("authorization_endpoint")
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def finish(
    provider: Provider, flow: Flow, answer: Mapping[str, str], redirect_uri: str
) -> Principal:
    """Who came back from the provider. Raises NotAccepted, NotConfigured."""
    settings = provider.settings
    tokens, claims = exchange_code(provider, flow, answer, redirect_uri)
    if not is_strong_enough(claims, settings):
        raise NotAccepted("the provider asked less strongly than it must")
    wanted = filter(None, (settings.oidc_roles_claim, settings.oidc_groups_claim))
    if any(claim_at(claims, claim) is None for claim in wanted):
        user_info = provider.userinfo(str(tokens.get("access_token", "")))
        if user_info.get("sub") == claims["sub"]:
            claims = {**user_info, **claims}
    return principal_from(settings, claims)


def exchange_code(
    provider: Provider, flow: Flow, answer: Mapping[str, str], redirect_uri: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tokens for a code, and the claims of the ID token. Raises NotAccepted, NotConfigured."""
    settings = provider.settings
    if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
        raise NotAccepted("the state is another one")
    if "iss" in answer and answer["iss"] != provider.issuer():
        # RFC 9207: an answer of another provider, mixed up on purpose.
        raise NotAccepted("the answer comes from another issuer")
    if "error" in answer or not answer.get("code"):
        raise NotAccepted("the provider gave no code")
    tokens = provider.tokens(answer["code"], flow.verifier, redirect_uri)
    claims = _claims(provider, str(tokens.get("id_token", "")), settings.oidc_client_id)
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), flow.nonce.encode()):
        raise NotAccepted("the nonce is another one")
    audience = claims.get("aud")
    authorized_party = claims.get("azp", settings.oidc_client_id)
    if authorized_party != settings.oidc_client_id or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise NotAccepted("the token was made for another client")
    if flow.confirms:
        _check_just_signed_in(claims)
    return tokens, claims


class AccessTokens:
    """Access tokens of the provider, for programs that bring one for this node."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def principal_of(self, text: str) -> Principal | None:
        """None for what is no token of the provider's for this node.

        Raises NotConfigured, InsufficientAuthentication.
        """
        settings = self._provider.settings
        if not settings.oidc_audience or text.count(".") != 2 or len(text) > 16_384:
            return None
        try:
            token = self._provider.decoded(text)
            claims = checked_claims(self._provider, token, settings.oidc_audience)
            if not is_access_token(token.header, claims, settings):
                log.warning(
                    "access_token_refused",
                    reason="its type is another one, or not stated",
                    remedy="Let the provider write the type at+jwt; MEDIVIEW_OIDC_UNTYPED_ACCESS"
                    "_TOKENS=true takes tokens without one.",
                )
                return None
            principal = narrowed(principal_from(settings, claims), claims)
        except NotAccepted:
            return None
        check_strength(claims, settings)
        return principal


def is_access_token(
    header: Mapping[str, Any], claims: Mapping[str, Any], settings: Settings
) -> bool:
    """Whether it was made to ask with.

    An ID token says who signed in somewhere, a logout token who signed out; neither is a
    permission to ask. RFC 9068 4 tells them apart by `typ`. Providers that came before it write
    "JWT" there, or nothing; then a claim `typ` of Bearer says so. Nothing tells the ID token of
    another client, which has the API's audience, from an access token without either: such are
    taken by a setting alone, and must not be made for this node's sign-in nor have a claim that ID
    tokens alone have.
    """
    kind = str(header.get("typ", "")).lower().removeprefix("application/")
    if OF_EVENTS in claims:
        return False
    if kind == "at+jwt":
        return True
    if kind not in ("", "jwt") or not _OF_ID_TOKENS.isdisjoint(claims):
        return False
    if "typ" in claims:
        return str(claims["typ"]) == "Bearer"
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return settings.oidc_untyped_access_tokens and settings.oidc_client_id not in audiences


def principal_from(
    settings: Settings, claims: Mapping[str, Any], role: Role | Literal[""] = ""
) -> Principal:
    """Name and roles by the settings; `role` where the claims name none. Raises NotAccepted where
    no role is left."""
    roles = roles_from(settings, claims) or frozenset(one for one in (role,) if one)
    if not roles:
        raise NotAccepted("no role of this node follows from the claims")
    subject = claims["sub"]
    if not isinstance(subject, str) or not is_kept(subject):
        raise NotAccepted("the subject is not a text of 1 to 255 printable characters")
    name = claims.get(settings.oidc_name_claim) or subject
    name = "".join(one for one in str(name) if one.isprintable())
    name = " ".join(name.split())[:_NAME_MAX]
    return Principal(
        Identity("oidc", subject, name or "unnamed", settings.oidc_issuer),
        roles,
        groups=groups_from(settings, claims),
        provider_session_id=provider_session_of(claims),
    )


def provider_session_of(claims: Mapping[str, Any]) -> str:
    """`sid`, "" where the provider names no session that could be kept."""
    found = claims.get("sid")
    return found if isinstance(found, str) and is_kept(found) else ""


def roles_from(settings: Settings, claims: Mapping[str, Any]) -> frozenset[Role]:
    """Roles by MEDIVIEW_OIDC_ROLE_MAP; without one, values that are named as roles are."""
    found = claim_at(claims, settings.oidc_roles_claim)
    values = {found} if isinstance(found, str) else set(map(str, found or ()))
    mapped = settings.oidc_role_map or tuple((role, role) for role in sorted(ROLES))
    return frozenset(role for value, role in mapped if value in values)


def groups_from(settings: Settings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups of the person at the provider, for access groups."""
    claim = settings.oidc_groups_claim
    found = claim_at(claims, claim) if claim else None
    values = [found] if isinstance(found, str) else list(map(str, found or ()))
    return tuple(sorted({one for one in values if is_kept(one)})[:_MOST_GROUPS])


def is_kept(text: str) -> bool:
    """Whether a database takes it: neither NUL nor half a surrogate is a character there."""
    return 0 < len(text) <= _SUBJECT_MAX and text.isprintable()


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a path such as `realm_access.roles`."""
    found: Any = claims
    for name in (path,) if path in claims else path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | list) else None


def _check_just_signed_in(claims: Mapping[str, Any]) -> None:
    """Raise NotAccepted unless the person has signed in at the provider within the last minute."""
    at, now = claims.get("auth_time"), time.time()
    if isinstance(at, bool) or not isinstance(at, int | float):
        # It must be there where max_age was asked for (Core 1.0, 2).
        raise NotAccepted("the provider does not tell when the person signed in")
    if not now - _JUST_NOW_S - LEEWAY_S <= at <= now + LEEWAY_S:
        raise NotAccepted("the person signed in at the provider some time ago")


def _claims(provider: Provider, text: str, audience: str) -> dict[str, Any]:
    """Of an ID token: neither an access token nor a logout token is one (RFC 8725 3.11)."""
    token = provider.decoded(text)
    kind = str(token.header.get("typ", "")).lower().removeprefix("application/")
    # Some providers state it in the claims: Keycloak's are ID, Bearer, Refresh and Logout.
    stated = str(token.claims.get("typ", "ID")).upper()
    if kind not in ("", "jwt") or stated != "ID" or OF_EVENTS in token.claims:
        raise NotAccepted("the token is not an ID token")
    return checked_claims(provider, token, audience)


def checked_claims(
    provider: Provider, token: Token, audience: str, *, subject: bool = True
) -> dict[str, Any]:
    """`subject`: it must name one. Raises NotAccepted."""
    registry = JWTClaimsRegistry(
        leeway=LEEWAY_S,
        sub={"essential": subject},
        exp={"essential": True},
        aud={"essential": True, "value": audience},
    )
    try:
        registry.validate(token.claims)
    except (JoseError, ValueError, TypeError) as error:
        raise NotAccepted(type(error).__name__) from error
    if token.claims.get("iss") != provider.issuer():
        raise NotAccepted("another issuer made the token")
    return dict(token.claims)
