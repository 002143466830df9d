"""Who may come in, and where data goes, is changed by who shows again who it is."""

from pathlib import Path

from sqlalchemy import update

from storage import tables as t
from storage.db.engine import writing
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    closed_node,
    closed_settings,
    confirm,
)
from tests.api.access.openid_connect.provider import (
    Provider,
)
from tests.api.client import is_problem
from tests.storage.instances import part10


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


def test_a_stolen_session_sends_data_nowhere_and_deletes_nothing(tmp_path: Path) -> None:
    """Where data goes, and what is gone for good, wants the password again; a key goes on."""
    peer = {"ae_title": "EVIL", "host": "127.0.0.1", "port": 4242}
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["*"]}
    settings = closed_settings(tmp_path, webhook_hosts=("127.0.0.1",))
    with (
        closed_node(settings) as node,
        node.signed_in("root", "admin") as root,
        node.with_key("ris", "admin") as key,
    ):
        study = node.storage.ingest.accept(part10(study="kept"), source="test").study_instance_uid
        series = f"/dicom-web/studies/{study}/series/1.2"
        assert key.post("/api/peers", json={"name": "pacs", **peer}).status_code == 201
        made = key.post("/api/webhooks", json=hook).json()["webhook_id"]
        deeds = [
            ("POST", "/api/peers", {"name": "evil", **peer}),
            ("PUT", "/api/peers/pacs", {**peer, "port": 4243}),
            ("DELETE", "/api/peers/pacs", None),
            ("POST", "/api/webhooks", hook),
            ("PATCH", f"/api/webhooks/{made}", {"is_active": False}),
            ("POST", f"/api/webhooks/{made}/secret", None),
            ("DELETE", f"/api/webhooks/{made}", None),
            ("DELETE", f"{series}/instances/1.3", None),
            ("DELETE", series, None),
            ("DELETE", f"/dicom-web/studies/{study}", None),
            ("POST", "/api/studies/delete", {"study_instance_uids": [study]}),
        ]
        for method, path, body in deeds:
            answer = root.request(method, path, json=body)
            assert is_problem(answer, 403, "confirmation_required")["remedy"], (method, path)
        assert [one.name for one in node.storage.peers.all()] == ["pacs"]
        assert node.storage.index.study(study)
        assert confirm(root).status_code == 204
        assert root.delete(f"/api/webhooks/{made}").status_code == 204
        assert root.delete("/api/peers/pacs").status_code == 204
        assert root.post("/api/peers", json={"name": "pacs", **peer}).status_code == 201
        assert root.post("/api/webhooks", json=hook).status_code == 201
        assert root.delete(f"/dicom-web/studies/{study}").status_code == 204
