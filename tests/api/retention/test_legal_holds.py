"""An administrator puts studies on legal hold, over HTTP and on the command line."""

import pytest
from typer.testing import CliRunner

from api.cli.storage.commands import app as storage_app
from api.cli.studies.retention import app
from storage.audit import AuditRecord
from storage.audit.query import AuditFilter, find_events
from storage.core.errors import StateConflict
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import wait_for
from tests.storage.deletion.test_deleting import SERIES, STUDY, fill


def test_a_held_study_is_deleted_by_nobody_and_the_reason_is_in_the_trail(api: ApiNode) -> None:
    fill(api.storage)
    reason = {"reason": " Request of the legal department "}
    placed = api.client.put(f"/api/legal-holds/{STUDY}", json=reason)
    assert placed.status_code == 200, placed.text
    assert placed.json()["reason"] == "Request of the legal department"
    assert [
        one["study_instance_uid"] for one in api.client.get("/api/legal-holds").json()["items"]
    ] == [STUDY]
    for path in ("", f"/series/{SERIES}"):
        refused = api.client.delete(f"/dicom-web/studies/{STUDY}{path}")
        problem = is_problem(refused, 409, "state_conflict")
        assert f"DELETE /api/v1/legal-holds/{STUDY}" in problem["remedy"]
    assert api.client.delete(f"/api/legal-holds/{STUDY}").status_code == 204
    is_problem(api.client.delete(f"/api/legal-holds/{STUDY}"), 404, "not_found")
    assert api.client.delete(f"/dicom-web/studies/{STUDY}").status_code == 204

    def both() -> list[AuditRecord]:
        found, total = find_events(api.storage.engine, AuditFilter(text="legal_hold"), 10, 0)
        return found if total == 2 else []

    events = wait_for(both, "both changes in the audit trail")
    assert [(one.action, one.detail["reason"]) for one in events] == [
        ("D", ""),
        ("C", "Request of the legal department"),
    ]


@pytest.mark.parametrize("body", [{}, {"reason": "  "}, {"reason": "x" * 501}, {"why": "x"}])
def test_a_hold_without_a_proper_reason_is_refused(
    reading_api: ApiNode, body: dict[str, str]
) -> None:
    answer = reading_api.client.put("/api/legal-holds/1.2.3", json=body)
    assert answer.status_code == 422, answer.text


@logging_as_before()
def test_the_command_line_does_the_same(api: ApiNode, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(api.storage)
    monkeypatch.setenv("USER", "somebody-with-a-long-name")
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api.storage.settings.data_dir))
    run = CliRunner().invoke
    assert run(app, ["hold", STUDY, "--reason", "Request 12/2026"]).exit_code == 0
    listed = run(app, ["list"]).output
    assert STUDY in listed
    assert "1 shown of 1." in listed
    refused = run(storage_app, ["delete", STUDY, "--yes"])
    assert isinstance(refused.exception, StateConflict)
    api.storage.audit.flush()
    events, _ = find_events(api.storage.engine, AuditFilter(code="110105"), 10, 0)
    assert events == [], "nothing was deleted"
    assert run(app, ["release", STUDY]).exit_code == 0
    assert "0 shown of 0." in run(app, ["list"]).output
