"""An identity provider that hangs, fails, or shows what this node cannot read."""

import base64
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from api.access.openid_connect.provider import NotAccepted, Provider
from api.access.openid_connect.sign_in import AccessTokens, Flow
from storage.core.errors import NotConfigured
from storage.settings import Settings

ISSUER = "https://id.example.org"
KEY = ECKey.generate_key("P-256", {"kid": "one"})
SETTINGS = Settings(
    auth="required", oidc_issuer=ISSUER, oidc_client_id="mediview", oidc_audience="node"
)


class Known(Provider):
    """It answers from here; while `hangs` is set it answers nothing, and fails in the end."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.asked = 0
        self.keys: Any = [KEY.as_dict(private=False)]
        self.fails = False
        self.hangs: threading.Event | None = None

    def _json(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        self.asked += 1
        if self.hangs is not None:
            self.hangs.wait(10)
        if self.fails or self.hangs is not None:
            raise NotConfigured("away")
        if url.endswith("configuration"):
            return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        if self.keys is None:
            raise NotConfigured("away")
        return {"keys": self.keys}


def token(**more: Any) -> str:
    claims = {"iss": ISSUER, "aud": "node", "sub": "1", "exp": int(time.time()) + 60}
    claims |= {"roles": ["admin"], **more}
    return jwt.encode({"alg": "ES256", "kid": "one", "typ": "at+jwt"}, claims, KEY, ["ES256"])


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic() + seconds
    monkeypatch.setattr("api.access.openid_connect.provider.time.monotonic", lambda: now)


def test_who_brings_a_token_does_not_wait_for_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.access.openid_connect.provider._PATIENCE_S", 0.02)
    provider = Known()
    provider.hangs = threading.Event()
    tokens = AccessTokens(provider)

    def ask() -> None:
        with pytest.raises(NotConfigured):
            tokens.principal_of("a.b.c")

    first = threading.Thread(target=ask)
    first.start()
    begun = time.monotonic()
    for _ in range(3):
        ask()
    assert time.monotonic() - begun < 2
    provider.hangs.set()
    first.join()
    asked = provider.asked
    ask()
    assert provider.asked == asked, "one that failed is left alone for a while"


def test_known_keys_count_while_the_provider_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Known()
    tokens = AccessTokens(provider)
    assert tokens.principal_of(token()) is not None
    provider.fails = True
    for _ in range(2):
        later(monkeypatch, 3700)
        assert tokens.principal_of(token()) is not None
    later(monkeypatch, 90_000)
    with pytest.raises(NotConfigured):
        tokens.principal_of(token())
    provider.fails = False
    later(monkeypatch, 20)
    assert tokens.principal_of(token()) is not None


def test_known_keys_count_for_a_day_also_where_the_keys_alone_are_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = Known()
    tokens = AccessTokens(provider)
    assert tokens.principal_of(token()) is not None
    provider.keys = None
    later(monkeypatch, 80_000)
    assert tokens.principal_of(token()) is not None
    for seconds in (10_000, 1, 5, 11, 1):
        later(monkeypatch, seconds)
        with pytest.raises(NotConfigured):
            tokens.principal_of(token())


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "EC", "crv": "brainpoolP256r1", "x": "AA", "y": "AA", "kid": "two"},
        {"kty": "RSA", "n": "", "e": "AQAB", "kid": "two"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "two"},
        {"kty": 5},
        5,
    ],
)
def test_a_key_that_cannot_be_read_ends_nobodys_sign_in(other: Any) -> None:
    provider = Known()
    provider.keys = [other, *provider.keys]
    assert AccessTokens(provider).principal_of(token()) is not None
    provider = Known()
    provider.keys = [other]
    with pytest.raises(NotConfigured, match="keys that cannot be read"):
        AccessTokens(provider).principal_of(token())


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": ["api:read", "openid"]},
        {"scp": "openid api:read"},
        {"scp": ["api:read"]},
        {"scope": "openid foo", "scp": "api:read"},
        {"scope": None, "scp": ["openid api:read"]},
    ],
)
def test_scopes_narrow_however_the_provider_writes_them(claims: dict[str, Any]) -> None:
    principal = AccessTokens(Known()).principal_of(token(**claims))
    assert principal is not None
    assert principal.scopes == {"api:read"}


def test_half_a_surrogate_pair_in_the_cookie_is_no_sign_in() -> None:
    values = dict.fromkeys(("state", "nonce", "verifier", "next", "confirms"), "x")
    cookie = base64.urlsafe_b64encode(json.dumps(values | {"state": "\ud800"}).encode()).decode()
    with pytest.raises(NotAccepted):
        Flow.read(cookie)
