"""From what a request carries to who asks."""

import hashlib
import time
from base64 import b64decode
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from starlette.datastructures import Headers

from api.access.openid_connect.sign_in import AccessTokens
from api.access.principal import Principal
from api.access.session_cookies import read_cookie, session_cookie
from storage.accounts.api_keys import PREFIX, ApiKeys
from storage.accounts.sessions import Session, Sessions, token_hash
from storage.accounts.shown_names import ShownNames
from storage.core.callers.identity import of_key
from storage.core.clock import utcnow
from storage.settings import Settings

_FRESH_S = 1.0
_MOST = 4096


@dataclass(frozen=True)
class Credential:
    """What a request carries: a bearer token, a key's name and key, or a session's cookie."""

    kind: str
    text: str


class CredentialStorage(Protocol):
    """What of the storage layer credentials are looked up in."""

    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def shown_names(self) -> ShownNames: ...


class Authenticator:
    """What was found out counts for a second, so that a series of frames is one look-up.

    What is revoked or signed out elsewhere therefore counts within a second, in
    every process.
    """

    def __init__(self, settings: Settings, tokens: AccessTokens | None) -> None:
        self._cookie = session_cookie(settings)
        self._tokens = tokens
        self._known: dict[str, tuple[Principal, float]] = {}

    def credential(self, headers: Headers) -> Credential | None:
        """A header comes before a cookie: a program says so on purpose."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return Credential("bearer", text.strip())
        # Browsers keep a name and password, and send them for any page; programs alone may.
        if scheme.lower() == "basic" and "sec-fetch-site" not in headers:
            return Credential("basic", _decoded(text.strip()))
        if scheme:
            return Credential("other", text.strip())
        token = read_cookie(headers, self._cookie)
        return Credential("cookie", token) if token else None

    def recall(self, credential: Credential) -> Principal | None:
        """Who it was within the last second; no look-up."""
        found = self._known.get(_key(credential))
        if found is None or found[1] < time.monotonic():
            return None
        return found[0]

    def identify(
        self, storage: CredentialStorage, credential: Credential, *, is_use: bool = True
    ) -> Principal | None:
        """Who it is, None where it is not valid (any more). Blocks.

        Without `is_use` a session may end for idleness as if nobody had asked.
        Raises StorageUnavailable, or NotConfigured where the identity provider's
        keys cannot be had; InsufficientAuthentication of an access token.
        """
        now = utcnow()
        found = None
        if credential.kind == "cookie":
            found = of_session(storage.sessions, credential.text, now, is_use=is_use)
        elif credential.kind == "bearer" and credential.text.startswith(PREFIX):
            found = _of_key(storage.api_keys, credential.text, now)
        elif credential.kind == "basic":
            name, _, key = credential.text.partition(":")
            if key.startswith(PREFIX):
                found = _of_key(storage.api_keys, key, now, named=name)
        elif credential.kind == "bearer" and self._tokens is not None:
            found = self._tokens.principal_of(credential.text)
            if found is not None:
                found = with_own_name(storage.shown_names, found)
        # A step that is taken in another process must count at once, lest the pages lead back.
        if found is not None and not found.step:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[_key(credential)] = (found, time.monotonic() + _FRESH_S)
        return found

    def forget(self) -> None:
        """Ask again: something was ended in this process."""
        self._known.clear()


def with_own_name(shown_names: ShownNames, principal: Principal) -> Principal:
    """By a name that nobody else has, nor one that looks alike."""
    name = shown_names.of(principal.identity)
    return replace(principal, identity=replace(principal.identity, name=name))


def _decoded(text: str) -> str:
    """User and password (RFC 7617 2), empty where they cannot be read."""
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _key(credential: Credential) -> str:
    # A dump of the memory should show as little as possible that opens doors.
    return credential.kind + hashlib.sha256(credential.text.encode()).hexdigest()


def of_session(
    sessions: Sessions, token: str, now: datetime, *, is_use: bool = True
) -> Principal | None:
    """Whose session it is, if it has not ended."""
    return of_session_hash(sessions, token_hash(token), now, is_use=is_use)


def of_session_hash(
    sessions: Sessions, hashed: str, now: datetime, *, is_use: bool = True
) -> Principal | None:
    """The same for who keeps no token: what outlives a request of the session."""
    session = sessions.find(hashed, now, is_use=is_use)
    return None if session is None else of_open_session(session)


def of_open_session(session: Session) -> Principal:
    return Principal(
        session.identity,
        session.roles,
        session_hash=session.token_hash,
        step=session.step,
        groups=session.groups,
    )


def _of_key(
    api_keys: ApiKeys, text: str, now: datetime, named: str | None = None
) -> Principal | None:
    """`named`: the key must have that name."""
    key = api_keys.find(text, now)
    if key is None or (named is not None and key.name != named):
        return None
    return Principal(of_key(key.key_id, key.name), key.roles, key.scopes)
