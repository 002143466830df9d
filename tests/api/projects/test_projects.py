"""An administrator makes a project, adds studies and exports them, over HTTP and by command."""

import json
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from api.cli.studies.projects import app
from inference.projects.export import export_due
from storage.audit.query import AuditFilter, find_events
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import receive, wait_for
from tests.inference.small import mr_series, study_uid


def test_a_project_from_its_creation_to_the_way_back(api: ApiNode) -> None:
    receive(api.storage, [*mr_series("one", 2), *mr_series("two", 2)])
    wanted = {
        "name": "stroke-2026",
        "options": ["retain-modified-dates"],
        "needs_consent": True,
        "split": {"train": 0, "validation": 0, "test": 100},
    }
    created = api.client.post("/api/projects", json=wanted)
    assert created.status_code == 201, created.text
    is_problem(api.client.post("/api/projects", json=wanted), 400, "invalid_request")
    here = "/api/projects/stroke-2026"
    added = api.client.post(
        f"{here}/studies",
        json={"study_instance_uids": [study_uid("one")], "has_consent": True},
    )
    assert added.json() == {"found": 1, "added": 1, "total": 1}
    conditions = {"matching": {"modalities": ["MR"]}}
    counted = api.client.post(f"{here}/studies", json={**conditions, "preview": True})
    assert counted.json() == {"found": 2, "added": 1, "total": 1}
    measured = {"findings": [{"label": "Brain volume", "value_from": 1, "unit": "cm3"}]}
    counted = api.client.post(f"{here}/studies", json={"matching": measured, "preview": True})
    assert counted.json() == {"found": 0, "added": 0, "total": 1}
    nothing = {"matching": {"findings": [{"unit": "cm3"}]}}
    is_problem(api.client.post(f"{here}/studies", json=nothing), 400, "invalid_request")
    added = api.client.post(f"{here}/studies", json=conditions)
    assert added.json() == {"found": 2, "added": 1, "total": 2}
    assert api.client.get(here).json()["study_count"] == 2
    # What the conditions found again has the consent that was stated with them.
    again = {"study_instance_uids": [study_uid("one")], "has_consent": True}
    api.client.post(f"{here}/studies", json=again)
    studies = api.client.get(f"{here}/studies").json()["items"]
    assert {(one["study_instance_uid"], one["has_consent"]) for one in studies} == {
        (study_uid("one"), True),
        (study_uid("two"), False),
    }
    assert {one["subset"] for one in studies} == {"test"}

    asked = api.client.post(f"{here}/exports", json={"folder": "stroke/first"})
    assert asked.status_code == 202, asked.text
    export = f"{here}/exports/{asked.json()['export_id']}"
    waiting = api.client.get(export).json()
    assert (waiting["state"], waiting["format"]) == ("pending", "dicom")
    assert export_due(api.storage, "test") == 1
    done = api.client.get(export).json()
    assert (done["state"], done["exported"], done["refused"]) == ("done", 2, 2)
    assert api.client.get(f"{here}/exports").json()["total"] == 1
    refused = api.client.get(f"{export}/refused").json()
    assert {one["study_instance_uid"] for one in refused["items"]} == {study_uid("two")}
    assert "No consent" in refused["items"][0]["reason"]

    folder = api.storage.settings.resolved_export_dir / "stroke" / "first"
    header = pydicom.dcmread(next(folder.rglob("*.dcm")))
    way_back = {"pseudonym": str(header.PatientID), "reason": "Incidental finding, file 12"}
    found = api.client.post(f"{here}/reidentify", json=way_back)
    assert study_uid("one") in found.json()["study_instance_uids"]
    events = wait_for(
        lambda: find_events(api.storage.engine, AuditFilter(text="Incidental"), 10, 0)[0],
        "the way back in the audit trail",
    )
    assert study_uid("one") in events[0].study_instance_uids
    assert events[0].detail["pseudonym"] == str(header.PatientID)

    assert api.client.delete(f"{here}/studies/{study_uid('two')}").status_code == 204
    assert api.client.delete(here).status_code == 204
    is_problem(api.client.get(here), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {"name": "../x"}, 422),
        ("", {"name": "x", "options": ["retain-everything"]}, 422),
        ("", {"name": "x", "options": ["retain-full-dates", "retain-modified-dates"]}, 400),
        ("", {"name": "x", "split": {"train": 50, "validation": 0, "test": 0}}, 400),
        ("/nothing/exports", {"folder": "x"}, 404),
        ("/nothing/exports", {"folder": "x", "format": "nrrd"}, 422),
        ("/nothing/studies", {"study_instance_uids": ["1.2.3"]}, 404),
        ("/nothing/reidentify", {"pseudonym": "P-A", "reason": " "}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(
    reading_api: ApiNode, path: str, body: dict[str, object], status: int
) -> None:
    answer = reading_api.client.post(f"/api/projects{path}", json=body)
    assert answer.status_code == status, answer.text


@logging_as_before()
def test_the_command_line_does_the_same(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    receive(api.storage, mr_series("one", 2))
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api.storage.settings.data_dir))
    run = CliRunner().invoke
    assert run(app, ["create", "heads", "--option", "retain-full-dates"]).exit_code == 0
    counted = run(app, ["add", "heads", "--modality", "MR", "--preview"]).output
    assert "1 studies, of which 1 would be new in heads" in counted
    assert run(app, ["add", "heads", "--finding", "label=Brain volume"]).exit_code == 0
    assert "1 of 1 studies are new" in run(app, ["add", "heads", "--modality", "MR"]).output
    assert "retain-full-dates" in run(app, ["list"]).output
    exported = run(app, ["export", "heads", "out", "--here"]).output
    assert "done out: 2 exported, 0 refused." in exported.replace("\n", " ")
    folder = api.storage.settings.resolved_export_dir / "out"
    assert run(app, ["verify", str(folder)]).exit_code == 0
    certificate = json.loads((folder / "certificate.json").read_text())
    name = certificate["files"][0]["name"]
    found = run(app, ["reidentify", "heads", name.split("/")[0], "--reason", "A question"])
    assert study_uid("one") in found.output.replace("\n", "")
    volumes = run(app, ["export", "heads", "bids", "--format", "nifti", "--here"]).output
    assert "done bids: 2 exported, 0 refused." in volumes.replace("\n", " ")
    assert len(list(folder.with_name("bids").rglob("*.nii.gz"))) == 1
    (folder / name).unlink()
    missing = run(app, ["verify", str(folder)])
    assert missing.exit_code == 1
    assert "is missing" in missing.output.replace("\n", " ")
    refused = run(app, ["refused", certificate["export_id"]])
    assert (refused.exit_code, refused.output) == (0, "")
    assert run(app, ["delete", "heads", "--yes"]).exit_code == 0
