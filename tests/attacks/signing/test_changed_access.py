"""Who may come in is changed by nobody but an administrator who shows who it is."""

from sqlalchemy import update

from storage import tables as t
from storage.db.engine import writing
from tests.api.access.closed import (
    PASSWORD,
    ClosedNode,
    confirm,
)
from tests.api.access.openid_connect.provider import (
    Provider,
)
from tests.api.client import is_problem


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
