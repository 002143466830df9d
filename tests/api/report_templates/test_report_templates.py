"""A site's templates of reports: administrators write them, radiologists begin with them."""

from typing import Any

import pytest

from tests.api.audit.test_audit import stored
from tests.api.client import ApiNode, is_problem, scheduled_job, worked_on

_PATH = "/api/report-templates"


def template(**changes: Any) -> dict[str, Any]:
    return {
        "title": "CT of the abdomen",
        "language": "en",
        "modalities": ["CT"],
        "body_parts": ["ABDOMEN"],
        "sections": [
            {
                "heading": "Findings",
                "kind": "findings",
                "text": "The liver is [normal in size|enlarged].\nSpleen: [___ mm].",
            }
        ],
        "source": "",
        **changes,
    }


def test_a_template_is_added_changed_found_and_removed(api: ApiNode) -> None:
    added = api.client.post(_PATH, json=template())
    assert added.status_code == 201, added.text
    one = added.json()
    assert one["version"] == 1
    api.client.post(_PATH, json=template(title="any", modalities=[], language="de"))
    found = api.client.get(_PATH, params={"modality": "CT"}).json()["items"]
    assert [each["title"] for each in found] == ["any", "CT of the abdomen"]
    found = api.client.get(_PATH, params={"modality": "MR"}).json()["items"]
    assert [each["title"] for each in found] == ["any"]
    found = api.client.get(_PATH, params={"language": "en"}).json()["items"]
    assert [each["title"] for each in found] == ["CT of the abdomen"]
    path = f"{_PATH}/{one['template_id']}"
    changed = api.client.put(path, json=template(title="CT abdomen, portal", version=1))
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    late = api.client.put(path, json=template(title="Somebody else's", version=1))
    assert is_problem(late, 412, "version_conflict")
    assert "at version 2" in late.json()["detail"]
    for _ in range(2):
        assert api.client.delete(path).status_code == 204
    gone = api.client.put(path, json=template(version=2))
    assert is_problem(gone, 404, "not_found")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sections": []}, "sections"),
        ({"title": " "}, "title"),
        ({"modalities": ["ct"]}, "modalities"),
        ({"sections": [{"heading": "F", "kind": "plan", "text": "x"}]}, "kind"),
        (
            {"sections": [{"heading": "F", "text": "x" * 8000}] * 5},
            "has 40000 characters; 32000 are kept",
        ),
    ],
)
def test_a_wrong_template_is_refused_by_what_is_wrong(
    api: ApiNode, changes: dict[str, Any], expected: str
) -> None:
    answer = api.client.post(_PATH, json=template(**changes))
    assert is_problem(answer, 422, "validation_failed")
    assert expected in answer.json()["detail"]
    assert api.client.get(_PATH).json()["items"] == []


def test_what_was_read_of_radreport_can_be_added_as_it_is(api: ApiNode) -> None:
    html = "<title>MRI Knee</title><section data-section-name='Findings'>Menisci: <select>"
    html += "<option>intact<option>torn</select>"
    read = api.client.post(f"{_PATH}/mrrt", json={"html": html})
    assert read.status_code == 200, read.text
    assert api.client.get(_PATH).json()["items"] == []
    added = api.client.post(_PATH, json=read.json()).json()
    assert added["title"] == "MRI Knee"
    assert added["modalities"] == ["MR"]
    assert added["sections"][0]["text"] == "Menisci: [intact|torn]"
    assert is_problem(
        api.client.post(f"{_PATH}/mrrt", json={"html": "Normal."}), 422, "report_template"
    )


def test_nobody_signs_a_text_with_a_field_that_is_still_open(api: ApiNode) -> None:
    study, _, _ = stored(api, PatientID="P-9", Modality="CT", StudyDate="20240131")
    worked_on(api.storage, scheduled_job(api.storage, study))
    report = api.client.post("/api/reports/draft", json={"study_instance_uid": study}).json()
    path = f"/api/reports/{report['report_id']}"

    def edited(text: str) -> None:
        nonlocal report
        section = {"heading": "Findings", "kind": "findings", "sentences": [{"text": text}]}
        answer = api.client.put(path, json={"version": report["version"], "sections": [section]})
        assert answer.status_code == 200, answer.text
        report = answer.json()

    def signed() -> Any:
        return api.client.post(
            f"{path}/state", json={"state": "final", "version": report["version"]}
        )

    edited("The liver is [normal in size|enlarged]; the spleen has [___ mm].")
    refused = signed()
    assert is_problem(refused, 409, "state_conflict")
    assert "[normal in size|enlarged], [___ mm]" in refused.json()["detail"]
    edited("The liver is normal in size [see series 3].")
    assert signed().status_code == 200
