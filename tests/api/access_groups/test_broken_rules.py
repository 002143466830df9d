"""Whoever looks after the node learns which group has a rule that cannot be read."""

from pathlib import Path

import pytest

from api.server.checks.exposure import check_access_groups
from tests.api.access.closed import closed_node, closed_settings
from tests.api.access_groups.commands import commands


def test_policy_health_doctor_and_the_command_name_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closed_node(closed_settings(tmp_path)) as node, node.signed_in("root", "admin") as admin:
        groups = node.storage.access_groups
        groups.add("North", rule={"InstitutionName": "North"})
        assert admin.get("/health").json()["parts"]["access_rules"]["ok"]
        assert check_access_groups(node.storage.webhooks, node.storage.access_groups).state == "ok"
        groups.add("South", rule={"HospitalOfTheFuture": "South"})
        assert admin.get("/api/access-policy").json()["unreadable_rules"] == ["South"]
        part = admin.get("/health").json()["parts"]["access_rules"]
        assert not part["ok"]
        assert "South" in part["detail"]
        check = check_access_groups(node.storage.webhooks, node.storage.access_groups)
        assert (check.state, "South" in check.detail) == ("fail", True)
        commands(node.storage.settings, monkeypatch)("list")
        assert "The rule of South cannot be read." in capsys.readouterr().out
