"""The provider ends sessions here (OpenID Connect Back-Channel Logout 1.0)."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from storage.audit import Audit
from storage.core.errors import StorageUnavailable
from tests.api.access.closed import ClosedNode, audited, closed_node
from tests.api.access.openid_connect.provider import (
    AUDIENCE,
    CLIENT_ID,
    Provider,
    provider,
    settings_with,
)
from tests.api.client import is_problem
from tests.patience import PATIENCE_S

EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
PATH = "/api/session/oidc/backchannel-logout"


@pytest.fixture(scope="module")
def identity() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, identity: Provider) -> Iterator[ClosedNode]:
    folder = tmp_path_factory.mktemp("logout")
    settings = settings_with(identity, folder, oidc_role_map="Radiology=radiologist")
    with closed_node(settings) as node:
        yield node


def signed_in(closed: ClosedNode, identity: Provider, subject: str, **claims: Any) -> httpx.Client:
    identity.claims = {"sub": subject, "groups": ["Radiology"], **claims}
    person = closed.client()
    at = "/api/session/oidc/start"
    for _ in range(3):
        at = person.get(at).headers["location"]
    assert person.get("/api/studies").status_code == 200
    return person


def token(identity: Provider, *, key: RSAKey | None = None, **claims: Any) -> str:
    identity.claims = {}
    kind = claims.pop("kind", "logout+jwt")
    stated = {"aud": CLIENT_ID, "jti": f"{time.time_ns()}", "events": EVENTS, **claims}
    return identity.token(key, kind=kind, **stated)


def sent(closed: ClosedNode, text: str) -> httpx.Response:
    return httpx.post(f"{closed.url}{PATH}", data={"logout_token": text})


def are_in(*people: httpx.Client) -> list[bool]:
    return [one.get("/api/session").json()["signed_in"] for one in people]


def test_a_persons_sessions_end_with_all_that_is_open(
    closed: ClosedNode, identity: Provider
) -> None:
    ada, also, eve = (signed_in(closed, identity, who) for who in ("ada", "ada", "eve"))
    opened, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with suppress(httpx.HTTPError), ada.stream("GET", "/api/events", timeout=60) as stream:
            opened.set()
            for _ in stream.iter_lines():
                pass
        ended.set()

    listening = threading.Thread(target=listen)
    listening.start()
    assert opened.wait(PATIENCE_S)
    answer = sent(closed, token(identity, sub="ada"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert are_in(ada, also, eve) == [False, False, True]
    assert ada.get("/api/studies").status_code == 401
    assert ended.wait(PATIENCE_S), "the stream goes on"
    listening.join()
    (event,) = audited(closed.storage, type_code="110123", actor_name="ada")
    assert event["detail"] == {"method": "logout by the provider", "sessions": 2}


def test_a_session_of_the_provider_ends_those_that_came_from_it(
    closed: ClosedNode, identity: Provider
) -> None:
    desk, ward, old = (
        signed_in(closed, identity, "bob", **claims)
        for claims in ({"sid": "desk"}, {"sid": "ward"}, {})
    )
    eve = signed_in(closed, identity, "eve", sid="desk of another")
    # One by whose sign-in the provider named no session ends with any of its person.
    assert sent(closed, token(identity, sub="bob", sid="desk")).status_code == 200
    assert are_in(desk, ward, old, eve) == [False, True, False, True]
    assert sent(closed, token(identity, sub="eve", sid="ward")).status_code == 200
    assert are_in(ward, eve) == [True, True]
    assert sent(closed, token(identity, sub=None, sid="ward")).status_code == 200
    assert are_in(ward, eve) == [False, True]
    assert sent(closed, token(identity, sub="nobody")).status_code == 200


def test_a_token_counts_once(closed: ClosedNode, identity: Provider) -> None:
    once = token(identity, sub="carl")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sent(closed, once), range(4)))
    assert sorted(one.status_code for one in answers) == [200, 400, 400, 400]
    carl = signed_in(closed, identity, "carl")
    is_problem(sent(closed, once), 400, "logout_refused")
    assert are_in(carl) == [True]


def test_sessions_end_with_their_row_in_the_audit_trail_or_not_at_all(
    closed: ClosedNode, identity: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fay, once = signed_in(closed, identity, "fay"), token(identity, sub="fay")

    def away(*_: object) -> None:
        raise StorageUnavailable("The trail takes nothing.")

    with monkeypatch.context() as patched:
        patched.setattr(Audit, "record_within", away)
        is_problem(sent(closed, once), 503, "storage_unavailable")
    assert are_in(fay) == [True]
    assert sent(closed, once).status_code == 200, "the provider sends it again"
    assert are_in(fay) == [False]
    assert audited(closed.storage, type_code="110123", actor_name="fay")


def test_what_is_not_quite_a_logout_token_ends_nothing(
    closed: ClosedNode, identity: Provider
) -> None:
    dora = signed_in(closed, identity, "dora", sid="d")
    now = int(time.time())
    wrong: list[dict[str, Any]] = [
        {"iss": "https://evil.example"},
        {"iss": f"{identity.url}/"},
        {"aud": AUDIENCE},
        {"aud": None},
        {"iat": None},
        {"iat": now - 3600},
        {"iat": now + 3600},
        {"iat": True},
        {"exp": None},
        {"exp": now - 120},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"sub": None},
        {"sub": ["dora"]},
        {"sub": "do\x00ra"},
        {"sub": None, "sid": {"d": 1}},
        {"events": None},
        {"events": {}},
        {"events": {next(iter(EVENTS)): None}},
        {"events": [*EVENTS]},
        {"nonce": "n"},
        {"nonce": None, "kind": "at+jwt"},
        {"kind": "id+jwt"},
        {"typ": "ID"},
        {"key": RSAKey.generate_key(2048, {"kid": "one"})},
    ]
    texts = [token(identity, **{"sub": "dora", **one}) for one in wrong]
    whole = token(identity, sub="dora")
    none_signed = "eyJhbGciOiJub25lIn0." + whole.split(".")[1] + "."
    for text in (*texts, none_signed, whole[:-4] + "AAAA", "a.b.c", "", "." * 70_000):
        answer = sent(closed, text)
        assert answer.status_code in (400, 413), answer.text
    for body, media_type in (
        (f"logout_token={whole}&logout_token={whole}", "application/x-www-form-urlencoded"),
        (f'{{"logout_token": "{whole}"}}', "application/json"),
        ("logout_token=%ff", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
    ):
        headers = {"Content-Type": media_type}
        refused = httpx.post(f"{closed.url}{PATH}", content=body, headers=headers)
        is_problem(refused, 400, "logout_refused")
    assert are_in(dora) == [True]
    assert audited(closed.storage, 20, type_code="110123", actor_kind="anonymous")
    # Keycloak's.
    assert sent(closed, token(identity, sub="dora", kind="JWT", typ="Logout")).status_code == 200
    assert are_in(dora) == [False]


def test_a_provider_that_signs_out_many_is_not_slowed_down(
    closed: ClosedNode, identity: Provider
) -> None:
    """An address pays for tokens that are refused alone."""
    answers = [sent(closed, token(identity, sub=f"p{n}")).status_code for n in range(60)]
    assert answers == [200] * 60
