"""Nobody signs as somebody else: no program, no namesake, nobody who finds a session open."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.callers.identity import LOCAL, Identity, of_account
from storage.core.errors import UidConflict
from storage.db.engine import writing
from storage.reports.entities import Report, ReportSection, ReportSentence
from storage.settings import load_settings
from tests import builders
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    audited,
    closed_node,
    closed_settings,
    confirm,
)
from tests.api.access.openid_connect.provider import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    provider,
)
from tests.api.client import is_problem, part10
from tests.migrated import upgrade

STUDY = "1.2.826.0.1.3680043.10.1.9"


@pytest.fixture
def identity() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {"sub": "4711", "preferred_username": "jane", "groups": ["radiologist"]}
        yield running


@pytest.fixture
def node(tmp_path: Path, identity: Provider) -> Iterator[ClosedNode]:
    settings = closed_settings(
        tmp_path,
        oidc_issuer=identity.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_roles_claim="groups",
        oidc_audience=AUDIENCE,
    )
    with closed_node(settings) as running:
        yield running


def with_jane(storage: Storage) -> None:
    storage.accounts.add("jane", PASSWORD, ["radiologist"])
    storage.accounts.set_person_name("jane", "Doe^Jane^^Dr.")


def drafted(storage: Storage, study: str = STUDY) -> Report:
    sections = (ReportSection("Findings", (ReportSentence("Brain volume 1,091 cm³."),)),)
    return storage.reports.offer(
        study, language="en", title="MRI of the head", sections=sections, basis_digest="1"
    )


def sign(client: httpx.Client, report: Report, state: str = "final", **more: Any) -> httpx.Response:
    version = client.get(f"/api/reports/{report.report_id}").json()["version"]
    order = {"state": state, "version": version, **more}
    return client.post(f"/api/reports/{report.report_id}/state", json=order)


def through_provider(client: httpx.Client, **asked: str) -> httpx.Response:
    """To the provider and back, as a browser goes."""
    there = client.get("/api/session/oidc/start", params=asked)
    assert there.status_code == 303, there.text
    return client.get(client.get(there.headers["location"]).headers["location"])


def as_page(client: httpx.Client) -> dict[str, Any]:
    who: dict[str, Any] = client.get("/api/session").json()
    client.headers["X-CSRF-Token"] = who["csrf_token"]
    return who


def named_as(storage: Storage, key: str, name: str) -> None:
    """What an older version let a key be called."""
    with writing(storage.engine) as connection:
        connection.execute(update(t.api_key).where(t.api_key.c.name == key).values(name=name))


def test_a_key_signs_nothing_whatever_it_is_called(node: ClosedNode) -> None:
    with_jane(node.storage)
    report = drafted(node.storage)
    with node.with_key("dictation", "radiologist") as program:
        named_as(node.storage, "dictation", "jane")
        is_problem(sign(program, report), 403, "not_a_person")
        # It may prepare the text; nobody stands for it yet.
        assert sign(program, report, "preliminary").status_code == 200
        is_problem(sign(program, report), 403, "not_a_person")
        is_problem(confirm(program), 409, "no_password")
        answer = program.get(f"/api/reports/{report.report_id}/text").text
    kept = node.storage.reports.get(report.report_id)
    assert (kept.state, kept.signed_by, kept.signed_name) == ("preliminary", "", "")
    assert "Doe" not in answer


def test_an_access_token_signs_and_verifies_nothing(node: ClosedNode, identity: Provider) -> None:
    with_jane(node.storage)
    report = drafted(node.storage)
    with node.client(headers={"Authorization": f"Bearer {identity.token()}"}) as program:
        assert program.get("/api/session").json()["name"] == "jane (127.0.0.1)"
        is_problem(sign(program, report), 403, "not_a_person")
    assert node.storage.reports.get(report.report_id).state == "draft"


def test_a_namesake_of_the_provider_signs_under_its_own_name(
    node: ClosedNode, identity: Provider
) -> None:
    with_jane(node.storage)
    report = drafted(node.storage)
    with node.client() as other:
        through_provider(other)
        assert as_page(other)["name"] == "jane (127.0.0.1)"
        is_problem(sign(other, report), 403, "confirmation_required")
        identity.spoil = {"auth_time": int(time.time())}
        back = through_provider(other, confirm="true", next="/sign-in/?confirmed=yes")
        assert back.headers["location"] == "/sign-in/?confirmed=yes"
        as_page(other)
        signed = sign(other, report)
        assert signed.status_code == 200, signed.text
        answer = other.get(f"/api/reports/{report.report_id}/text").text
    assert "FINAL: jane (127.0.0.1), " in answer
    assert "Doe" not in answer
    kept = node.storage.reports.get(report.report_id)
    assert (kept.signed_by_id, kept.signed_name) == (f"oidc:{identity.url} 4711", "")


def test_the_audit_trail_tells_namesakes_apart(node: ClosedNode, identity: Provider) -> None:
    with node.client() as theirs:
        through_provider(theirs)
    with node.signed_in("jane", "viewer") as ours:
        ours.get("/api/studies")
    ids = {row["actor_id"] for row in audited(node.storage, 2, type_code="110122")}
    assert ids == {"account:jane", f"oidc:{identity.url} 4711"}


def test_no_two_people_of_the_provider_look_alike(node: ClosedNode, identity: Provider) -> None:
    """Where they sign in and sign, in reports and in the audit trail."""
    chosen = ["jane", "jane", "Jane ", "jan\u0435", "j\u200bane", "ｊａｎｅ", "JÄNE"]
    shown: list[str] = []
    for number, name in enumerate(chosen):
        report = drafted(node.storage, f"{STUDY}.{number}")
        identity.claims |= {"sub": f"s{number}", "preferred_username": name}
        with node.client() as person:
            through_provider(person)
            shown.append(str(as_page(person)["name"]))
            identity.spoil = {"auth_time": int(time.time())}
            through_provider(person, confirm="true")
            identity.spoil = {}
            as_page(person)
            signed = sign(person, report)
            assert signed.json()["signed_by"] == shown[-1], signed.text
            text = person.get(f"/api/reports/{report.report_id}/text").text
            assert f"FINAL: {shown[-1]}, " in text
        token = {"Authorization": f"Bearer {identity.token()}"}
        with node.client(headers=token) as program:
            assert program.get("/api/session").json()["name"] == shown[-1]
    assert shown[:2] == ["jane", "jane (127.0.0.1)"]
    assert shown[2:] == [
        f"{name} (127.0.0.1, s{number})"
        for number, name in enumerate(("Jane", "jan\u0435", "jane", "ｊａｎｅ", "JÄNE"), 2)
    ]
    names: dict[str, set[str]] = {}
    rows = audited(node.storage, 2 * len(chosen), type_code="110122", actor_kind="oidc")
    for row in rows:
        names.setdefault(row["actor_id"], set()).add(row["actor_name"])
    # Whatever somebody did stands under one name, and under nobody else's.
    assert sorted(map(sorted, names.values())) == sorted([one] for one in shown)


def test_preferences_are_of_a_subject_and_not_of_a_name(
    node: ClosedNode, identity: Provider
) -> None:
    with node.client() as one, node.client() as two:
        through_provider(one)
        as_page(one)
        assert one.put("/api/me/preferences", json={"language": "de"}).status_code == 200
        identity.claims |= {"sub": "another"}
        through_provider(two)
        as_page(two)
        assert two.get("/api/me/preferences").json()["language"] is None
        assert one.get("/api/me/preferences").json()["language"] == "de"


def test_a_signature_takes_the_password_each_time(node: ClosedNode) -> None:
    report, other = drafted(node.storage), drafted(node.storage, f"{STUDY}.1")
    with node.signed_in("jane", "radiologist") as jane:
        node.storage.accounts.set_person_name("jane", "Doe^Jane^^Dr.")
        # To have signed in a moment ago is not enough: the session may be somebody else's by now.
        is_problem(sign(jane, report), 403, "confirmation_required")
        is_problem(confirm(jane, "not the password"), 401, "wrong_credentials")
        is_problem(sign(jane, report), 403, "confirmation_required")
        assert confirm(jane).status_code == 204
        signed = sign(jane, report)
        assert signed.status_code == 200, signed.text
        is_problem(sign(jane, other), 403, "confirmation_required")
        answer = jane.get(f"/api/reports/{report.report_id}/text").text
    assert "Dr. Jane Doe (jane)" in answer
    assert node.storage.reports.get(report.report_id).signed_by_id == "account:jane"
    methods = [row["detail"].get("method") for row in audited(node.storage, 3, type_code="110122")]
    assert methods == ["password", "confirmation", "confirmation by password"]


def test_measurements_are_verified_by_who_gives_the_password(node: ClosedNode) -> None:
    image = builders.t1_head((4, 32, 32))[0]
    node.storage.ingest.accept(part10(image), "dimse:MR1")
    line = {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]], "label": "femur"}
    new = {
        "measurements": [{**line, "sop_instance_uid": image.SOPInstanceUID}],
        "verify": True,
    }
    path = f"/api/studies/{image.StudyInstanceUID}/measurements"
    with node.with_key("robot", "radiologist") as program:
        is_problem(program.post(path, json=new), 403, "may_not_verify")
    with node.signed_in("jane", "radiologist") as jane:
        is_problem(jane.post(path, json=new), 403, "confirmation_required")
        assert confirm(jane).status_code == 204
        saved = jane.post(path, json=new)
        assert (saved.status_code, saved.json()["verification"]) == (201, "VERIFIED"), saved.text
        is_problem(jane.post(path, json=new), 403, "confirmation_required")
        # Without that claim it is hers as before.
        assert jane.post(path, json={**new, "verify": False}).status_code == 201


def test_a_stolen_session_cannot_guess_the_password(node: ClosedNode) -> None:
    with node.signed_in("jane", "radiologist") as jane:
        answers = [confirm(jane, f"guess {number}").status_code for number in range(8)]
        assert answers == [401] * 5 + [429] * 3
        # Right or not: the pause has to pass first.
        is_problem(confirm(jane), 429, "too_many_attempts")


def test_a_stranger_cannot_keep_somebody_from_signing(node: ClosedNode) -> None:
    with node.signed_in("jane", "radiologist") as jane:
        with node.client() as stranger:
            guess = {"name": "jane", "password": "no"}
            answers = [stranger.post("/api/session", json=guess).status_code for _ in range(7)]
            assert answers[-1] == 429
        assert confirm(jane).status_code == 204


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, "tells no time"),
        ({"auth_time": 0}, "long ago"),
        ({"auth_time": True}, "no number"),
        ({"auth_time": "now"}, "no number"),
        ({"auth_time": -600.0}, "ten minutes ago"),
        ({"auth_time": 600.0}, "in the future"),
        ({"auth_time": 0.0, "sub": "another"}, "another person"),
    ],
)
def test_an_open_session_at_the_provider_confirms_nothing(
    node: ClosedNode, identity: Provider, claims: dict[str, Any], why: str
) -> None:
    report = drafted(node.storage)
    with node.client() as jane:
        through_provider(jane)
        as_page(jane)
        start = jane.get("/api/session/oidc/start", params={"confirm": "true"})
        asked = parse_qs(urlsplit(start.headers["location"]).query)
        assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
        at = claims.get("auth_time")
        if isinstance(at, float):
            claims = {**claims, "auth_time": int(time.time() + at)}
        identity.spoil = claims
        back = through_provider(jane, confirm="true")
        assert back.headers["location"] == "/sign-in/?confirmed=no", why
        is_problem(sign(jane, report), 403, "confirmation_required")
        # Still who one was.
        assert jane.get("/api/session").json()["name"] == "jane"


def test_only_who_has_signed_in_there_confirms_there(node: ClosedNode) -> None:
    asked = {"confirm": "true"}
    with node.client() as nobody, node.signed_in("ann", "radiologist") as ann:
        for client in (nobody, ann):
            answer = client.get("/api/session/oidc/start", params=asked)
            is_problem(answer, 409, "no_provider_session")


def test_a_key_and_an_account_never_share_a_name(node: ClosedNode) -> None:
    keys, accounts = node.storage.api_keys, node.storage.accounts
    accounts.add("jane", PASSWORD, ["viewer"])
    for name in ("jane", "Jane", " JANE "):
        with pytest.raises(UidConflict, match="account has the name 'jane'"):
            keys.create(name, ["viewer"], [], created_by="test", expires_at=None)
    key, _ = keys.create("Ris", ["viewer"], [], created_by="test", expires_at=None)
    keys.revoke(key.key_id, key.created_at)
    with pytest.raises(UidConflict, match="key has the name 'ris'"):
        accounts.add("RIS", PASSWORD, ["viewer"])


def test_an_account_called_local_lends_its_name_to_nobody(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.accounts.add("local", PASSWORD, ["radiologist"])
        storage.accounts.set_person_name("local", "Doe^Jane^^Dr.")
        for number, (who, name) in enumerate(
            (
                (LOCAL, ""),
                (Identity("oidc", "local", "local", "https://idp.example"), ""),
                (of_account("local"), "Doe^Jane^^Dr."),
            )
        ):
            report = drafted(storage, f"{STUDY}.{number}")
            signed = storage.reports.move(report.report_id, 1, "final", who)
            assert (signed.signed_by, signed.signed_name) == ("local", name)


def test_no_program_makes_or_changes_who_may_come_in(node: ClosedNode, identity: Provider) -> None:
    identity.claims["groups"] = ["admin"]
    node.storage.accounts.add("ann", PASSWORD, ["viewer"])
    node.key("victim", "viewer")
    victim = node.storage.api_keys.get("victim")
    token = {"Authorization": f"Bearer {identity.token()}"}
    with node.with_key("robot", "admin") as key, node.client(headers=token) as bearer:
        for program in (key, bearer):
            assert program.get("/api/users").status_code == 200
            account = {"name": "eve", "password": PASSWORD, "roles": ["admin"]}
            for answer in (
                program.post("/api/users", json=account),
                program.patch("/api/users/ann", json={"roles": ["admin"]}),
                program.patch("/api/users/ann", json={"password": "another long password"}),
                program.post("/api/keys", json={"name": "heir", "roles": ["admin"]}),
                program.delete(f"/api/keys/{victim.key_id}"),
            ):
                is_problem(answer, 403, "not_a_person")
    assert "eve" not in {one.name for one in node.storage.accounts.all()}
    assert node.storage.accounts.get("ann").roles == {"viewer"}
    assert node.storage.api_keys.get("victim").revoked_at is None


def test_an_administrator_shows_again_who_it_is_to_change_who_may_come_in(
    node: ClosedNode,
) -> None:
    account = {"name": "eve", "password": PASSWORD, "roles": ["viewer"]}
    with node.signed_in("root", "admin") as root:
        for ask in (
            lambda: root.post("/api/users", json=account),
            lambda: root.patch("/api/users/eve", json={"disabled": True}),
            lambda: root.post("/api/keys", json={"name": "pacs", "roles": ["viewer"]}),
        ):
            is_problem(ask(), 403, "confirmation_required")
        assert confirm(root).status_code == 204
        # One question for what is done together.
        assert root.post("/api/users", json=account).status_code == 201
        assert root.patch("/api/users/eve", json={"disabled": True}).status_code == 200
        made = root.post("/api/keys", json={"name": "pacs", "roles": ["viewer"]})
        assert made.status_code == 201
        with writing(node.storage.engine) as connection:
            late = t.session.c.confirmed_at
            hour_ago = node.storage.accounts.get("root").created_at.replace(year=2020)
            connection.execute(
                update(t.session).where(late.is_not(None)).values(confirmed_at=hour_ago)
            )
        is_problem(
            root.patch("/api/users/eve", json={"disabled": False}), 403, "confirmation_required"
        )
        # To take a key away at once needs no password.
        assert root.delete(f"/api/keys/{made.json()['key']['key_id']}").status_code == 200
