"""Programs come with access tokens of the organisation's identity provider (RFC 9068)."""

import base64
import hmac
import time
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from api.access.openid_connect.sign_in import is_access_token
from storage.core.callers.visibility import Caller
from storage.settings import Settings
from tests.api.access.closed import ClosedNode
from tests.api.access.openid_connect.provider import AUDIENCE, CLIENT_ID, Provider
from tests.api.client import is_problem

# OpenID Connect Back-Channel Logout 1.0, 2.4.
LOGOUT: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def test_a_program_comes_with_an_access_token(closed: ClosedNode, identity: Provider) -> None:
    def status(token: str) -> int:
        return httpx.get(
            f"{closed.url}/api/jobs", headers={"Authorization": f"Bearer {token}"}
        ).status_code

    assert status(identity.token()) == 200
    assert status(identity.token(aud=["other", AUDIENCE])) == 200
    # Of providers from before RFC 9068.
    assert status(identity.token(kind="JWT", typ="Bearer", aud=[AUDIENCE, CLIENT_ID])) == 200
    assert status(identity.token(kind="application/AT+JWT")) == 200
    for wrong in (
        identity.token(aud="another"),
        identity.token(aud=None),
        identity.token(aud=CLIENT_ID),
        identity.token(iss="https://evil.example"),
        identity.token(iss=f"{identity.url}/"),
        identity.token(exp=int(time.time()) - 120),
        identity.token(exp=None),
        identity.token(nbf=int(time.time()) + 3600),
        identity.token(groups=[]),
        # An ID token says who signed in; it is no permission. Nothing says that this one is none.
        identity.token(kind="JWT"),
        identity.token(kind="JWT", nonce="n"),
        identity.token(kind="JWT", at_hash="h"),
        identity.token(kind="JWT", typ="ID"),
        identity.token(kind="JWT", aud=[AUDIENCE, CLIENT_ID]),
        identity.token(kind="logout+jwt"),
        identity.token(kind="JWT", sid="s", events=LOGOUT),
        identity.token(kind="JWT", typ="Bearer", events=LOGOUT),
        identity.token(events=LOGOUT),
        identity.token(kind="dpop+jwt"),
        # Signed by another key of the same name, and by what everyone knows: the public key.
        identity.token(RSAKey.generate_key(2048, {"kid": "one"})),
        signed_with_what_everyone_knows(identity),
        identity.token()[:-4] + "AAAA",
        "a.b.c",
        "..",
    ):
        assert status(wrong) == 401


@pytest.mark.parametrize("takes_untyped", [False, True])
@pytest.mark.parametrize(
    ("kind", "claims", "is_taken", "is_taken_untyped"),
    [
        ("at+jwt", {}, True, True),
        ("JWT", {"typ": "Bearer"}, True, True),
        ("JWT", {}, False, True),
        ("", {}, False, True),
        ("JWT", {"aud": CLIENT_ID}, False, False),
        ("JWT", {"typ": "ID"}, False, False),
        ("JWT", {"typ": "Refresh"}, False, False),
        ("JWT", {"nonce": "n"}, False, False),
        ("JWT", {"events": LOGOUT}, False, False),
        ("JWT", {"typ": "Bearer", "events": LOGOUT}, False, False),
        ("at+jwt", {"events": {}}, False, False),
        ("logout+jwt", {}, False, False),
        ("id+jwt", {}, False, False),
    ],
)
def test_a_token_without_a_type_is_taken_where_the_setting_says_so(
    kind: str, claims: dict[str, Any], is_taken: bool, is_taken_untyped: bool, takes_untyped: bool
) -> None:
    settings = Settings(
        oidc_client_id=CLIENT_ID,
        oidc_audience=AUDIENCE,
        oidc_untyped_access_tokens=takes_untyped,
    )
    stated = {"aud": AUDIENCE, **claims}
    taken = is_access_token({"typ": kind}, stated, settings)
    assert taken is (is_taken_untyped if takes_untyped else is_taken)


def test_the_scope_of_an_access_token_narrows_its_roles(
    closed: ClosedNode, identity: Provider
) -> None:
    def status(path: str, scope: str | None) -> int:
        token = identity.token(scope=scope)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{closed.url}{path}", headers=headers).status_code

    for scope in (None, "", "openid profile"):
        assert status("/api/jobs", scope) == 200
    assert status("/api/jobs", "openid api:read") == 200
    assert status("/dicom-web/studies", "openid api:read") == 403
    assert status("/dicom-web/studies", "dicomweb:read offline_access") == 200
    assert status("/api/jobs", "dicomweb:read") == 403
    # What the node does not know gives nothing, and takes nothing away.
    assert status("/api/users", "admin") == status("/api/users", None)


def signed_with_what_everyone_knows(identity: Provider) -> str:
    """By HMAC, whose key is the provider's public one; libraries have fallen for it."""
    payload = identity.token().split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    public = identity.key.as_pem(private=False)
    digest = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_a_token_neither_adds_nor_turns_on_what_outlasts_it(
    closed: ClosedNode, identity: Provider
) -> None:
    hook = closed.storage.webhooks.add(
        "https://ris.example/hook", ("*",), "", created_by=Caller("key", "gone"),
        sends_everything=True,
    )  # fmt: skip
    at = f"/api/webhooks/{hook.webhook_id}"
    with closed.client(
        headers={"Authorization": f"Bearer {identity.token(groups=['IT'])}"}
    ) as program:
        new = {"url": "https://ris.example/new", "events": ["job.failed"]}
        is_problem(program.post("/api/webhooks", json=new), 403, "not_allowed")
        assert program.patch(at, json={"is_active": False}).status_code == 200
        # The owner's key is gone: who turns it on is the owner.
        is_problem(program.patch(at, json={"is_active": True}), 403, "not_allowed")
        assert program.patch(at, json={"description": "RIS"}).status_code == 200
    after = closed.storage.webhooks.get(hook.webhook_id)
    assert (after.is_active, after.created_by_id) == (False, "key:gone")


def test_the_provider_may_change_its_keys(
    closed: ClosedNode, identity: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(token: str) -> int:
        return httpx.get(
            f"{closed.url}/api/jobs", headers={"Authorization": f"Bearer {token}"}
        ).status_code

    assert status(identity.token()) == 200
    old = identity.token(sub="old")
    identity.change_key("two")
    # Keys were asked for a moment ago: made-up names must not make the node ask each time.
    for number in range(5):
        assert status(identity.token(sub=str(number))) == 401
    assert identity.asked.count("/keys") == 1
    monkeypatch.setattr("api.access.openid_connect.provider._KEYS_ASKED_EVERY_S", 0.0)
    assert status(identity.token()) == 200
    assert status(old) == 401
    assert identity.asked.count("/.well-known/openid-configuration") == 1
