"""People come from their organisation's identity provider, programs with its tokens."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest

from tests.api.access.closed import ClosedNode, audited, closed_node, closed_settings
from tests.api.access.openid_connect.provider import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    settings_with,
)
from tests.api.client import is_problem
from tests.patience import PATIENCE_S
from tests.services import free_port


def walk(client: httpx.Client, url: str) -> httpx.Response:
    """Follow redirects as a browser does, until a page of the viewer."""
    answer = client.get(url)
    while answer.is_redirect and "/api/session" not in (answer.headers["location"]):
        if urlsplit(answer.headers["location"]).netloc == "":
            return answer
        answer = client.get(answer.headers["location"])
    return client.get(answer.headers["location"]) if answer.is_redirect else answer


def test_a_person_signs_in_at_the_provider_and_comes_back(
    closed: ClosedNode, identity: Provider
) -> None:
    with closed.client() as ada:
        link = ada.get("/api/session").json()["provider"]
        start = ada.get(link["href"], params={"next": "/study/?study=1.2"})
        assert start.status_code == 303
        asked = parse_qs(urlsplit(start.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["redirect_uri"] == [f"{closed.url}/api/session/oidc/callback"]
        assert "SameSite=lax" in start.headers["set-cookie"]
        assert "HttpOnly" in start.headers["set-cookie"]
        back = ada.get(ada.get(start.headers["location"]).headers["location"])
        assert back.status_code == 303
        assert back.headers["location"] == "/study/?study=1.2"
        who = ada.get("/api/session").json()
        assert (who["kind"], who["name"], who["roles"]) == ("oidc", "ada", ["radiologist"])
        assert ada.get("/api/studies").status_code == 200
        is_problem(ada.get("/api/users"), 403, "not_allowed")
        ada.headers["X-CSRF-Token"] = who["csrf_token"]
        end = urlsplit(ada.delete("/api/session").json()["redirect"])
        assert f"{end.scheme}://{end.netloc}{end.path}" == f"{identity.url}/end"
        assert parse_qs(end.query)["client_id"] == [CLIENT_ID]
        assert ada.get("/api/studies").status_code == 401
    (login,) = audited(closed.storage, type_code="110122")
    assert (login["actor_kind"], login["actor_name"]) == ("oidc", "ada")
    assert login["detail"] == {"method": "oidc"}


def test_a_provider_whose_name_ends_in_a_slash_is_the_one_that_the_setting_names(
    closed: ClosedNode, identity: Provider
) -> None:
    identity.slash = "/"
    with closed.client() as ada:
        walk(ada, "/api/session/oidc/start")
        assert ada.get("/api/session").json()["name"] == "ada"
    identity.spoil = {"iss": identity.url}
    comes_back_signed_out(closed, "the provider's name without its slash")


def test_an_id_token_that_is_not_quite_right_signs_nobody_in(
    closed: ClosedNode, identity: Provider
) -> None:
    wrong: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"azp": "another-client"},
        {"iss": "https://evil.example"},
        {"iss": f"{identity.url}/"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"sub": None},
        {"sub": "47\x0011"},
        {"groups": ["Kitchen"]},
        {"groups": None},
        {"groups": {"Radiology": True}},
        {"typ": "Bearer"},
    ]
    for spoil in wrong:
        identity.spoil = spoil
        comes_back_signed_out(closed, f"{spoil}")
    identity.spoil = {}
    for kind in ("at+jwt", "application/at+jwt", "logout+jwt"):
        identity.id_token_type = kind
        comes_back_signed_out(closed, kind)
    failed = audited(closed.storage, len(wrong) + 3, type_code="110122", outcome=4)
    assert sum(one["occurrences"] for one in failed) == len(wrong) + 3


def comes_back_signed_out(closed: ClosedNode, why: str) -> None:
    with closed.client() as ada:
        answer = walk(ada, "/api/session/oidc/start")
        assert answer.headers["location"] == "/sign-in/?failed=provider", why
        assert ada.get("/api/session").json()["signed_in"] is False, why


def test_a_link_of_another_site_begins_no_session(closed: ClosedNode, identity: Provider) -> None:
    """The provider, which has a session of its own, would ask the person nothing."""
    with closed.client() as ada:
        for site, begins in (("cross-site", False), ("same-origin", True), ("none", True)):
            answer = ada.get(
                "/api/session/oidc/start",
                params={"next": "/study/?study=1.2"},
                headers={"Sec-Fetch-Site": site},
            )
            assert answer.status_code == 303
            assert ("set-cookie" in answer.headers) is begins
            if not begins:
                assert answer.headers["location"] == "/sign-in/?next=%2Fstudy%2F%3Fstudy%3D1.2"


@pytest.mark.parametrize(
    ("acr", "may"), [("phrh", True), ("mfa", True), ("pwd", False), (None, False), (["mfa"], False)]
)
def test_the_provider_must_have_asked_as_strongly_as_the_site_demands(
    tmp_path: Path, identity: Provider, acr: Any, may: bool
) -> None:
    identity.claims["acr"] = acr
    settings = settings_with(
        identity, tmp_path, oidc_role_map="Radiology=radiologist", oidc_acr_values="phrh, mfa"
    )
    with closed_node(settings) as node, node.client() as ada:
        start = ada.get("/api/session/oidc/start").headers["location"]
        assert parse_qs(urlsplit(start).query)["acr_values"] == ["phrh mfa"]
        walk(ada, start)
        assert ada.get("/api/session").json()["signed_in"] is may
        check_access_tokens(node, identity, may)


def check_access_tokens(node: ClosedNode, identity: Provider, may: bool) -> None:
    """RFC 9470: held to the same, and asked for what is missing."""

    def asked(path: str = "/api/jobs", **claims: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {identity.token(**claims)}"}
        return httpx.get(f"{node.url}{path}", headers=headers)

    def is_refused(answer: httpx.Response) -> None:
        is_problem(answer, 401, "insufficient_user_authentication")
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'acr_values="phrh mfa", max_age="43200"' in challenge

    now = int(time.time())
    for recent in ({}, {"auth_time": now - 3600}):
        assert asked(**recent).status_code == (200 if may else 401)
        if not may:
            is_refused(asked(**recent))
    for stale in (now - 2 * 43_200, now + 3600, "yesterday", True):
        is_refused(asked(auth_time=stale))
    # A program that asks for itself; one that lends itself a person's subject is none.
    own = {"sub": "robot", "client_id": "robot"}
    assert asked(acr=None, **own).status_code == 200
    is_refused(asked(acr=None, client_id="robot"))
    is_refused(asked(acr=None, auth_time=now, **own))
    assert asked("/health", acr=None).status_code == 200
    assert audited(node.storage, 6, detail={"method": "bearer", "reason": "acr or auth_time"})


def test_state_and_browser_belong_together(closed: ClosedNode, identity: Provider) -> None:
    with closed.client() as attacker, closed.client() as victim:
        start = attacker.get("/api/session/oidc/start")
        back = attacker.get(start.headers["location"]).headers["location"]
        # The attacker's own code in the victim's browser: with no cookie, and with another one.
        assert victim.get(back).headers["location"] == "/sign-in/?failed=provider"
        victim.get("/api/session/oidc/start")
        assert victim.get(back).headers["location"] == "/sign-in/?failed=provider"
        assert victim.get("/api/session").json()["signed_in"] is False
        changed = back.replace("iss=http", "iss=https")
        assert attacker.get(changed).headers["location"] == "/sign-in/?failed=provider"


def test_a_flow_without_secrets_signs_nobody_in(closed: ClosedNode, identity: Provider) -> None:
    """As a page behind another port of the machine can plant it in a cookie."""
    identity.spoil = {"nonce": None}
    with closed.client() as attacker, closed.client() as victim:
        start = attacker.get("/api/session/oidc/start").headers["location"]
        asked = dict(parse_qsl(urlsplit(start).query))
        empty = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
        page = f"{identity.url}/authorize?{urlencode({**asked, 'code_challenge': empty})}"
        code = dict(parse_qsl(urlsplit(attacker.get(page).headers["location"]).query))["code"]
        (name,) = [one for one in attacker.cookies if one.endswith("mediview-flow")]
        flow = {"state": "", "nonce": "", "verifier": "", "next": "/", "confirms": ""}
        victim.cookies.set(name, base64.urlsafe_b64encode(json.dumps(flow).encode()).decode())
        answer = victim.get(f"/api/session/oidc/callback?code={code}")
        assert answer.headers["location"] == "/sign-in/?failed=provider"
        assert victim.get("/api/session").json()["signed_in"] is False


def test_one_comes_back_to_a_page_of_this_node_alone(
    closed: ClosedNode, identity: Provider
) -> None:
    pages = ("https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", "evil")
    for page in pages:
        with closed.client() as ada:
            start = ada.get("/api/session/oidc/start", params={"next": page})
            back = ada.get(ada.get(start.headers["location"]).headers["location"])
            assert back.headers["location"] == "/", page


def test_roles_may_stand_in_userinfo(closed: ClosedNode, identity: Provider) -> None:
    identity.claims = {"sub": "4711"}
    identity.userinfo = {"groups": ["IT"]}
    with closed.client() as ada:
        assert walk(ada, "/api/session/oidc/start").headers["location"] == "/"
        who = ada.get("/api/session").json()
        assert (who["name"], who["roles"]) == ("4711", ["admin"])


def test_a_provider_that_does_not_answer_is_said_to_and_others_get_in(tmp_path: Path) -> None:
    settings = closed_settings(
        tmp_path,
        oidc_issuer=f"http://127.0.0.1:{free_port()}",
        oidc_client_id=CLIENT_ID,
        oidc_audience=AUDIENCE,
    )
    with closed_node(settings) as closed, closed.client() as stranger:
        is_problem(stranger.get("/api/session/oidc/start"), 503, "not_configured")
        token = {"Authorization": "Bearer a.b.c"}
        is_problem(stranger.get("/api/jobs", headers=token), 503, "not_configured")
        with closed.signed_in("ada", "viewer") as ada:
            assert ada.get("/api/jobs").status_code == 200


def test_it_works_with_a_provider_that_others_wrote(tmp_path: Path) -> None:
    """oidc-provider-mock, which is Authlib's server, in a process of its own."""
    port = free_port()
    claims = {"sub": "ada", "preferred_username": "Ada", "roles": ["viewer"]}
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "-n", "true"]
    with subprocess.Popen(
        [*command, "--user-claims", json.dumps(claims)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            issuer = f"http://127.0.0.1:{port}"
            settings = closed_settings(
                tmp_path,
                oidc_issuer=issuer,
                oidc_client_id=CLIENT_ID,
                oidc_client_secret=CLIENT_SECRET,
            )
            with closed_node(settings) as closed, closed.client() as ada:
                await_answer(issuer)
                start = ada.get("/api/session/oidc/start")
                form = start.headers["location"]
                assert form.startswith(issuer)
                back = ada.post(form, data={"sub": "ada"})
                assert back.status_code == 302, back.text
                assert ada.get(back.headers["location"]).headers["location"] == "/"
                who = ada.get("/api/session").json()
                assert (who["name"], who["roles"]) == ("Ada", ["viewer"])
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def await_answer(issuer: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the provider does not answer")
