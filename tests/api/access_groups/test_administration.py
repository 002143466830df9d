"""How an administrator sets access groups up, over REST and at the command line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inference.access_groups.service import apply_rules
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from tests.api.access.closed import ClosedNode, audited, closed_node, closed_settings, confirm
from tests.api.access_groups.commands import commands
from tests.api.client import is_problem, part10
from tests.builders import series

GROUPS = "/api/access-groups"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path)) as node:
        yield node


def stored(node: ClosedNode, seed: int, institution: str) -> str:
    (instance,) = series(
        np.zeros((1, 4, 4), np.uint16),
        seed=seed,
        PatientName="Doe^John",
        PatientID=str(seed),
        InstitutionName=institution,
    )
    node.storage.ingest.accept(part10(instance), "dimse:CT1")
    return str(instance.StudyInstanceUID)


def listed(client: httpx.Client) -> set[str]:
    return {one["study_instance_uid"] for one in client.get("/api/studies").json()["items"]}


def test_from_the_first_group_to_enforcement(closed: ClosedNode) -> None:
    """Nothing changes for anybody until the groups are enforced."""
    north, south = stored(closed, 1, "North"), stored(closed, 2, "South")
    with closed.signed_in("ada", "radiologist") as ada, closed.signed_in("root", "admin") as admin:
        assert listed(ada) == {north, south}
        assert confirm(admin).status_code == 204
        policy = {"is_enforced": True, "unmatched": "everyone"}
        is_problem(admin.put("/api/access-policy", json=policy), 400, "invalid_request")
        made = admin.post(GROUPS, json={"name": "North", "rule": {"InstitutionName": "north"}})
        assert made.status_code == 201, made.text
        refused = is_problem(admin.put("/api/access-policy", json=policy), 400, "invalid_request")
        assert refused["detail"] == "2 studies wait for the rules of the access groups."
        apply_rules(closed.storage, utcnow(), budget_s=60)
        assert admin.get("/api/access-policy").json()["waiting"] == 0
        assert listed(ada) == {north, south}, "not enforced yet"
        assert admin.put("/api/access-policy", json=policy).json()["is_enforced"]
        time.sleep(1.1)  # what was found out counts for a second
        assert listed(ada) == {south}, "South matches no rule"
        assert listed(admin) == {north, south}
        member = {"kind": "account", "subject": "ada"}
        assert admin.post(f"{GROUPS}/North/members", json=member).status_code == 204
        assert listed(ada) == {north, south}
        assert admin.get(f"{GROUPS}/North").json()["study_count"] == 1
        assert admin.get(f"/api/studies/{north}/access-groups").json()["items"] == [
            {"name": "North", "origin": "rule"}
        ]
        assert admin.delete(f"{GROUPS}/North/members", params=member).status_code == 204
        assert listed(ada) == {south}
        assert admin.put(f"{GROUPS}/North/studies/{south}").status_code == 204
        assert listed(ada) == set(), "a person gave it to North"
        assert admin.delete(f"{GROUPS}/North").status_code == 204
        apply_rules(closed.storage, utcnow(), budget_s=60)
        assert listed(ada) == {north, south}, "no rule matches any more"
    assert audited(closed.storage, type_code="110129", action="D"), "the last that is written"
    recorded = [
        one
        for one in audited(closed.storage, type_code="110129")
        if "access_group" in one["detail"]
    ]
    assert [one["action"] for one in recorded] == ["C", "U", "U", "U", "U", "D"]
    assert {one["actor_name"] for one in recorded} == {"root"}


def test_what_matches_no_rule_may_be_for_administrators_alone(closed: ClosedNode) -> None:
    stored(closed, 1, "North")
    groups = closed.storage.access_groups
    groups.add("South", rule={"InstitutionName": "South"})
    groups.give_unmatched_to("administrators")
    apply_rules(closed.storage, utcnow(), budget_s=60)
    groups.enforce(True)
    with closed.signed_in("ada", "radiologist") as ada:
        assert listed(ada) == set()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "North", "rule": {"Hospital": "x"}}, 400),
        ({"name": "everyone"}, 409),
        ({"name": ""}, 422),
        ({"name": "A", "rules": {}}, 422),
    ],
)
def test_a_wrong_group_is_refused(closed: ClosedNode, body: dict[str, Any], status: int) -> None:
    with closed.signed_in("root", "admin") as admin:
        assert confirm(admin).status_code == 204
        assert admin.post(GROUPS, json=body).status_code == status


def test_the_groups_that_are_always_there_stay_as_they_are(closed: ClosedNode) -> None:
    with closed.signed_in("root", "admin") as admin:
        assert confirm(admin).status_code == 204
        for name in ("everyone", "administrators"):
            assert admin.delete(f"{GROUPS}/{name}").status_code == 400
            member = {"kind": "account", "subject": "ada"}
            assert admin.post(f"{GROUPS}/{name}/members", json=member).status_code == 400


def test_only_a_person_who_has_just_shown_who_it_is_changes_groups(closed: ClosedNode) -> None:
    with closed.signed_in("root", "admin") as admin:
        is_problem(admin.post(GROUPS, json={"name": "North"}), 403, "confirmation_required")
    with closed.with_key("automation", "admin") as key:
        is_problem(key.post(GROUPS, json={"name": "North"}), 403, "not_a_person")


def test_the_same_at_the_command_line(
    closed: ClosedNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = commands(closed.storage.settings, monkeypatch)
    study = stored(closed, 1, "North")
    run("add", "North", "--rule", "InstitutionName: {contains: north}")
    run("add-member", "North", "account", "ada")
    key, _ = closed.storage.api_keys.create(
        "bridge", ["viewer"], [], created_by="x", expires_at=None
    )
    run("add-member", "North", "key", "bridge", "--until", "2099-01-01")
    run("add-member", "North", "oidc-group", "rad", "--issuer", "https://id.example.org")
    apply_rules(closed.storage, utcnow(), budget_s=60)
    run("enforce")
    capsys.readouterr()
    run("list")
    assert "Groups are enforced" in capsys.readouterr().out
    run("show", "North")
    output = capsys.readouterr().out
    assert f"key {key.key_id}, until 2099-01-01 00:00 UTC" in output
    assert "oidc-group rad (https://id.example.org)" in output
    run("of-study", study)
    assert "North (rule)" in capsys.readouterr().out
    run("unmatched", "administrators")
    run("assign", "North", study)
    run("unassign", "North", study)
    run("remove-member", "North", "account", "ada")
    run("change", "North", "--rule", "Modality: CT")
    with pytest.raises(InvalidRequest, match="'acount' is not a kind of member"):
        run("add-member", "North", "acount", "ada")
    run("enforce", "--off")
    run("remove", "North")
    assert [one.name for one in closed.storage.access_groups.all()] == [
        "administrators",
        "everyone",
    ]
