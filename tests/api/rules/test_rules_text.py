"""An administrator tries rules, saves them, and goes back, over HTTP and on the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.rules import app
from inference.scheduling.schedule import complete_and_schedule
from storage.audit.query import AuditFilter, find_events
from storage.rules.repository import digest_of
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import later, wait_for
from tests.storage.deletion.test_deleting import STUDY, fill

ONE = "routing:\n  - {name: all away, to: archive}\n"
TWO = "routing:\n  - {name: all away, to: research}\n"


def received(api: ApiNode) -> None:
    """A study that is complete."""
    fill(api.storage)
    complete_and_schedule(api.storage, later(60), ())


def change(text: str, of: str = "", comment: str = "") -> dict[str, str]:
    return {"text": text, "based_on": digest_of(of), "comment": comment}


def test_rules_are_tried_saved_and_gone_back_from(api: ApiNode) -> None:
    received(api)
    begin = api.client.get("/api/rules/text").json()
    assert (begin["text"], begin["version"], begin["file"]) == ("", 0, "rules.yaml")
    assert begin["is_read_only"] is False

    tried = api.client.post("/api/rules/preview", json={"text": ONE}).json()
    assert tried["studies"] == 1
    assert tried["rules"][0] == {
        "section": "routing",
        "name": "all away",
        "studies": 1,
        "examples": [STUDY],
    }
    assert [(one["what"], one["after"]) for one in tried["changes"]] == [("archive", "sent")]
    assert api.client.get("/api/rules").json()["routing"] == [], "trying saves nothing"

    saved = api.client.put("/api/rules/text", json=change(ONE, comment=" PACS "))
    assert saved.status_code == 200, saved.text
    assert (saved.json()["number"], saved.json()["comment"]) == (1, "PACS")
    assert api.client.get("/api/rules").json()["routing"][0]["name"] == "all away"
    assert api.client.put("/api/rules/text", json=change(TWO, ONE)).is_success

    listed = api.client.get("/api/rules/versions").json()
    assert [one["number"] for one in listed["items"]] == [2, 1]
    second = api.client.get("/api/rules/versions/2").json()
    assert "-  - {name: all away, to: archive}" in second["changes"]
    assert "+  - {name: all away, to: research}" in second["changes"]
    first = api.client.get("/api/rules/versions/1").json()
    back = change(first["text"], TWO, "Version 1 again")
    assert api.client.put("/api/rules/text", json=back).json()["number"] == 3
    assert api.client.get("/api/rules").json()["routing"][0]["to"] == ["archive"]

    def changes() -> bool:
        # Security Alert, of Software Configuration.
        found, _ = find_events(api.storage.engine, AuditFilter(code="110131"), 10, 0)
        return [one.action for one in found] == ["U", "U", "U"]

    wait_for(changes, "each saving in the audit trail")


def test_mistakes_and_somebody_else_who_saved_are_named(api: ApiNode) -> None:
    wrong = change("routing:\n  - {name: x, tp: archive}\n")
    assert (
        "rules:2: 'tp'"
        in is_problem(api.client.put("/api/rules/text", json=wrong), 400, "invalid_request")[
            "detail"
        ]
    )
    tried = api.client.post("/api/rules/preview", json={"text": wrong["text"]})
    assert "rules:2: 'tp'" in is_problem(tried, 400, "invalid_request")["detail"]
    assert api.client.put("/api/rules/text", json=change(ONE)).is_success
    late = api.client.put("/api/rules/text", json=change(TWO))
    assert "by somebody else" in is_problem(late, 409, "state_conflict")["detail"]
    is_problem(api.client.get("/api/rules/versions/9"), 404, "not_found")


def test_an_operator_does_the_same_on_the_command_line(
    api: ApiNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(api)
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api.storage.settings.data_dir))
    file = tmp_path / "new.yaml"
    file.write_text(ONE)

    def run(*arguments: str) -> str:
        with logging_as_before():
            result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert "archive: sent (now not sent)" in run("preview", str(file))
    assert "Version 1 is in force" in run("save", str(file), "--comment", "PACS")
    file.write_text(TWO)
    run("save", str(file))
    assert "PACS" in run("history")
    assert "+  - {name: all away, to: research}" in run("history", "2")
    assert "the text of version 1" in run("history", "1", "--restore")
    assert api.client.get("/api/rules").json()["routing"][0]["to"] == ["archive"]
