"""Two that share a name are two: nobody acts under the name of another."""

import time
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.core.callers.identity import LOCAL, Identity, of_account
from storage.core.clock import utcnow
from storage.core.errors import UidConflict
from storage.settings import load_settings
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    audited,
)
from tests.api.access.openid_connect.provider import (
    Provider,
)
from tests.api.client import is_problem
from tests.attacks.signing.node import STUDY, as_page, drafted, sign, through_provider, with_jane
from tests.migrated import upgrade


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
                (of_account("local"), "Doe^Jane^^Dr."),
            )
        ):
            report = drafted(storage, f"{STUDY}.{number}")
            signed = storage.reports.move(report.report_id, 1, "final", who)
            assert (signed.signed_by, signed.signed_name) == (who.name, name)
            assert signed.signed_by_id == who.id
        # Who came from a provider is shown under another name, and has the person of no account.
        theirs = Identity("oidc", "local", "local", "https://idp.example")
        assert storage.shown_names.of(theirs) == "local (idp.example)"
        report = drafted(storage, f"{STUDY}.9")
        assert storage.reports.move(report.report_id, 1, "final", theirs).signed_name == ""


def test_who_is_called_as_the_node_is_shown_beside_it(node: ClosedNode) -> None:
    """An account and a key may have any name; alone, some stand for who did not sign in."""
    storage = node.storage
    for name in ("operator", "loca1"):
        storage.accounts.add(name, PASSWORD, ["radiologist"], must_change_password=False)
    with node.signed_in("local", "radiologist") as person:
        assert person.get("/api/session").json()["name"] == "local (account)"
        assert person.put("/api/me/preferences", json={"language": "de"}).is_success
        person.get("/api/studies")
    key, secret = storage.api_keys.create(
        "Node", ["viewer"], [], created_by="test", expires_at=None
    )
    with node.client(auth=("Node", secret)) as program:
        assert program.get("/api/session").json()["name"] == "Node (key)"
        program.get("/api/studies")
    with node.client(auth=("Node (key)", secret)) as program:
        assert program.get("/api/studies").status_code == 401
    rows = audited(storage, 1, actor_id="account:local") + audited(
        storage, 1, actor_id=f"key:{key.key_id}"
    )
    assert {row["actor_name"] for row in rows} == {"local (account)", "Node (key)"}
    assert of_account("loca1").name == "loca1 (account)"
    assert of_account("jane").name == "jane"
    # Their sessions, topics and rights are of the identity, whatever it is called.
    assert of_account("local") == Identity("account", "local", "another")
    topics = storage.fhircast_topics
    anybody, account = (topics.of(one, utcnow()) for one in (LOCAL, of_account("local")))
    assert topics.named("local").topic == account.topic != anybody.topic
