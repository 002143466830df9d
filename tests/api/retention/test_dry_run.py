"""Administrators see what would leave, how the disk is, and what has left."""

import json

import pytest
from typer.testing import CliRunner

from api.cli.studies.retention import app
from inference.retention.service import RetentionRounds
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.retention.studies import in_days, round_in, study, with_rules


@pytest.fixture
def node(api: ApiNode) -> ApiNode:
    """Two studies: of one a job is open, of the other nothing."""
    owed, free = study(api.storage, "owed"), study(api.storage, "free")
    api.storage.jobs.schedule("brain", "1", owed, "2.25.1", "f")
    with_rules(api.storage, "  - {name: all, keep_days: 30, evict: true}\n")
    assert owed != free
    return api


def test_the_plan_names_what_leaves_and_why_the_others_stay(node: ApiNode) -> None:
    plan = node.client.get("/api/retention", params={"within_days": 31}).json()
    owed, free = plan["items"]
    assert plan["total"] == 2
    assert (owed["outcome"], free["outcome"]) == ("stays", "leaves_later")
    assert [one["kind"] for one in owed["reasons"]] == ["job", "time"]
    assert owed["reasons"][0]["text"] == "A job is not finished."
    assert free["rule"] == "all"
    assert not free["leaves_when_short"], "it has just arrived"
    text = json.dumps(plan)
    assert "Müller" not in text
    assert "P1" not in text
    (now,) = {one["outcome"] for one in node.client.get("/api/retention").json()["items"]}
    assert now == "stays"
    page = node.client.get("/api/retention", params={"limit": 1, "offset": 1}).json()
    assert [one["study_instance_uid"] for one in page["items"]] == [free["study_instance_uid"]]
    assert node.client.get("/api/retention", params={"within_days": -1}).status_code == 422


def test_what_has_left_is_listed_with_its_rule(node: ApiNode) -> None:
    assert round_in(node.storage, 31).removed == 1
    node.storage.audit.flush()
    (gone,) = node.client.get("/api/retention/removed").json()["items"]
    assert (gone["rule"], gone["cause"], gone["instance_count"]) == ("all", "time", 1)
    assert gone["size_bytes"] > 0


def test_the_status_says_what_could_not_be_freed_and_so_does_health(api: ApiNode) -> None:
    assert api.client.get("/health").json()["parts"]["retention"] == {
        "ok": True,
        "detail": "",
        "detail_parts": [],
    }
    owed = study(api.storage, "owed")
    api.storage.jobs.schedule("brain", "1", owed, "2.25.1", "f")
    with_rules(api.storage, "  - {name: all, keep_days: 30, evict: true}\n")
    short = api.storage.settings.model_copy(update={"disk_evict_bytes": 2**60})
    object.__setattr__(api.storage, "settings", short)
    RetentionRounds(api.storage).round(in_days(1))
    status = api.client.get("/api/retention/status").json()
    assert status["blocked"] == [
        {"kind": "job", "owed_to": "", "studies": 1, "size_bytes": status["evictable_bytes"]}
    ]
    assert status["missing_bytes"] > 2**59
    assert status["last_round_at"]


def test_health_warns_long_before_anything_is_refused(api_settings: Settings) -> None:
    with api_node(api_settings.model_copy(update={"disk_warn_bytes": 2**60})) as node:
        health = node.client.get("/health").json()
    assert health["parts"]["disk"]["ok"]
    detail = health["parts"]["disk"]["detail"]
    assert "are free on the disk of the data folder. How fast it fills is not known yet." in detail
    assert "No rule lets studies leave early" in detail


def test_a_rules_file_that_is_wrong_is_named_by_health(api: ApiNode) -> None:
    with_rules(api.storage, "  - {name: all, keep_dys: 30}\n")
    round_in(api.storage, 0)
    part = api.client.get("/health").json()["parts"]["retention"]
    assert not part["ok"]
    assert "rules.yaml:3: 'keep_dys' is not an entry that can stand here." in part["detail"]
    answer = api.client.get("/api/retention")
    assert "rules.yaml:3" in is_problem(answer, 400, "invalid_request")["detail"]


@logging_as_before()
def test_the_command_line_tries_other_rules(node: ApiNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(node.storage.settings.data_dir))
    run = CliRunner().invoke
    table = run(app, ["dry-run", "--days", "31"]).output
    assert "0 leave now, 1 leave later, 1 stay" in table
    other = node.storage.settings.data_dir / "other.yaml"
    other.write_text("retention:\n  - {name: at once, keep_days: 0}\n")
    lines = run(app, ["dry-run", "--file", str(other), "--json"]).output.splitlines()
    found = [json.loads(line) for line in lines]
    assert {one["outcome"] for one in found} == {"stays", "leaves"}
    assert {one["rule"] for one in found} == {"at once"}
    assert "MiB" in run(app, ["status"]).output
    assert "0 shown of 0." in run(app, ["log"]).output
