"""The identity provider over HTTP: its description, its keys, its tokens (OpenID Connect Core 1.0).

Which provider that is, an operator's settings alone say. Its description may name
other hosts of its own; they must be HTTPS as it is itself, and no redirect is followed.
"""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jwt import Token, decode

from storage.core.errors import InvalidRequest, NotConfigured
from storage.http.client import checked_client, closed_after
from storage.settings import Settings, is_loopback

_Known = TypeVar("_Known")
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key that only the provider has; never a shared secret, never "none"."""
_DESCRIPTION_FRESH_S = 3600.0
_KEYS_FRESH_S = 3600.0
# While the provider does not answer, what was known of it still counts for so long.
_KEPT_S = 86400.0
# Tokens of unknown keys, which anyone can make up, lead to no more requests than this.
_KEYS_ASKED_EVERY_S = 10.0
_TIMEOUT_S = 10.0
# A thread that needs what another is asking for at the moment waits no longer than this: a provider
# that hangs must not keep all threads, and with them everybody who needs no provider.
_PATIENCE_S = 2.0
# A provider that did not answer is left alone for so long.
_FAILED_S = 10.0
_MAX_ANSWER_BYTES = 1024 * 1024


class NotAccepted(Exception):
    """A token or an answer is not one to be believed; the words are for the log."""


class Provider:
    """What is known of one provider, kept for an hour. Blocks; used from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._description: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asked_at = -_KEYS_ASKED_EVERY_S
        self._failed_at = -_FAILED_S

    def endpoint(self, name: str, *, needed: bool = True) -> str:
        """An endpoint's address. Raises NotConfigured where there is none that may be called."""
        url = str(self.description().get(name) or "")
        if not url and not needed:
            return ""
        parts = urlsplit(url)
        at_home = is_loopback(urlsplit(self.settings.oidc_issuer).hostname or "")
        if parts.scheme != "https" and not (at_home and is_loopback(parts.hostname or "")):
            raise _unusable(f"names no {name} by https://")
        return url

    def description(self) -> dict[str, Any]:
        """Raises NotConfigured where the provider does not answer as it must."""
        known = self._description
        if _is_younger(known, _DESCRIPTION_FRESH_S):
            return known[1]
        try:
            with self._asking(0.0 if known else _PATIENCE_S):
                if self._description is known:
                    self._description = (time.monotonic(), self._describe())
                known = self._description
        except NotConfigured:
            if not _is_younger(known, _KEPT_S):
                raise
        if known is None:
            raise _unusable("does not answer")
        return known[1]

    def issuer(self) -> str:
        """As it writes itself, and so as its tokens must (RFC 9207 2.4). Raises NotConfigured."""
        return str(self.description().get("issuer", ""))

    @contextmanager
    def _asking(self, patience_s: float) -> Iterator[None]:
        """One thread asks at a time. Raises NotConfigured where another still does after
        `patience_s`, or where the provider has failed a moment ago."""
        if not self._lock.acquire(timeout=patience_s):
            raise _unusable("has not answered yet")
        try:
            if time.monotonic() - self._failed_at < _FAILED_S:
                raise _unusable("did not answer a moment ago")
            try:
                yield
            except NotConfigured:
                self._failed_at = time.monotonic()
                raise
        finally:
            self._lock.release()

    def _describe(self) -> dict[str, Any]:
        issuer = self.settings.oidc_issuer
        found = self._json("GET", f"{issuer}/.well-known/openid-configuration")
        # Some write a slash at its end; as text, it must be the one of the tokens.
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise _unusable("says that it is another issuer")
        return found

    def decoded(self, text: str) -> Token:
        """A token whose signature is the provider's. Raises NotAccepted, NotConfigured.

        A key that is not known makes the node ask for the keys again: providers
        change them.
        """
        for ask in (False, True):
            keys = self._key_set(ask_again=ask)
            if keys is None:
                break
            try:
                return decode(text, keys, algorithms=_ALGORITHMS)
            except InvalidKeyIdError:
                continue
            except (JoseError, ValueError, TypeError, KeyError) as error:
                if ask:
                    raise NotAccepted(type(error).__name__) from error
        raise NotAccepted("the key is not one of the provider's")

    def _key_set(self, *, ask_again: bool) -> KeySet | None:
        """The keys; None where they were asked for a moment ago and must not be again."""
        url = self.endpoint("jwks_uri")
        kept = self._keys
        if _is_younger(kept, _KEYS_FRESH_S) and not ask_again:
            return kept[1]
        if kept is not None and time.monotonic() - self._asked_at < _KEYS_ASKED_EVERY_S:
            if ask_again:
                return None
            if _is_younger(kept, _KEPT_S):
                return kept[1]
        try:
            with self._asking(0.0 if kept else _PATIENCE_S):
                if self._keys is kept:
                    self._asked_at = time.monotonic()
                    self._keys = (self._asked_at, _readable_keys(self._json("GET", url)))
                kept = self._keys
        except NotConfigured:
            if ask_again or not _is_younger(kept, _KEPT_S):
                raise
        return None if kept is None else kept[1]

    def tokens(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """What the provider gives for a code. Raises NotAccepted, NotConfigured."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        client_id = self.settings.oidc_client_id
        secret = self.settings.oidc_client_secret.get_secret_value()
        methods = self.description().get("token_endpoint_auth_methods_supported")
        auth: tuple[str, str] | None = None
        if not secret:
            form["client_id"] = client_id
        elif methods is None or "client_secret_basic" in methods:
            # RFC 6749 2.3.1 has both encoded as in a form.
            auth = (quote_plus(client_id), quote_plus(secret))
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        return self._json("POST", self.endpoint("token_endpoint"), data=form, auth=auth)

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider says of the person, empty where it says nothing."""
        url = self.endpoint("userinfo_endpoint", needed=False)
        if not url or not access_token:
            return {}
        return self._json("GET", url, headers={"Authorization": f"Bearer {access_token}"})

    def _json(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        body = bytearray()
        try:
            with (
                checked_client(verify=self._tls(), timeout=_TIMEOUT_S) as client,
                closed_after(client, _TIMEOUT_S),
                client.stream(
                    method,
                    url,
                    data=data,
                    headers={"Accept": "application/json", **(headers or {})},
                    auth=auth,
                ) as answer,
            ):
                for piece in answer.iter_raw():
                    body += piece
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise _unusable("answers more than a megabyte")
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, InvalidRequest, OSError) as error:
            raise _unusable("does not answer") from error
        if method == "POST" and status in (400, 401, 403):
            raise NotAccepted(f"the provider answered {status} to the code")
        try:
            found = httpx.Response(status, content=bytes(body)).json() if status == 200 else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _unusable(f"answered {status}, which is not JSON as it must be")
        return found

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.settings.tls_ca is not None:
            context.load_verify_locations(self.settings.tls_ca)
        return context


def _is_younger(
    known: tuple[float, _Known] | None, limit_s: float
) -> TypeGuard[tuple[float, _Known]]:
    return known is not None and time.monotonic() - known[0] < limit_s


def _readable_keys(stated: Mapping[str, Any]) -> KeySet:
    """The keys for signatures of a key set; those that nothing here can read are passed over (RFC
    7517, 5), so that a key of a new kind ends nobody's sign-in. Raises NotConfigured."""
    keys = stated.get("keys")
    readable: list[Key] = []
    for one in keys if isinstance(keys, list) else ():
        try:
            if one.get("use", "sig") == "sig":
                readable += KeySet.import_key_set({"keys": [one]}).keys
        except (JoseError, ValueError, TypeError, AttributeError, KeyError, OverflowError):
            continue
    if not readable:
        raise _unusable("shows keys that cannot be read")
    return KeySet(readable)


def _unusable(what: str) -> NotConfigured:
    return NotConfigured(
        f"The identity provider {what}.",
        remedy="An administrator checks MEDIVIEW_OIDC_ISSUER and the provider.",
    )
