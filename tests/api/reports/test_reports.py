"""Reports over REST: drafted from findings, edited with a lock, signed by a radiologist."""

import io
from typing import Any

import httpx
import pypdfium2
import pytest
from PIL import Image

from storage.core.clock import utcnow
from tests.api.audit.test_audit import stored
from tests.api.client import ApiNode, is_problem, scheduled_job, worked_on


@pytest.fixture
def study(api: ApiNode) -> str:
    """A study with one finding: a brain volume of 1234.5 cm³."""
    uid, _, _ = stored(api, PatientID="P-9", Modality="MR", StudyDate="20240131")
    worked_on(api.storage, scheduled_job(api.storage, uid))
    return uid


def drafted(api: ApiNode, study: str, **more: Any) -> dict[str, Any]:
    answer = api.client.post("/api/reports/draft", json={"study_instance_uid": study, **more})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{report["version"]}"'
    return report


def texts(report: dict[str, Any]) -> dict[str, list[str]]:
    return {
        section["kind"]: [sentence["text"] for sentence in section["sentences"]]
        for section in report["sections"]
    }


IMPRESSION = "Brain volume 1,234.5 cm³."


def sent(report: dict[str, Any], old: str, new: str) -> list[dict[str, Any]]:
    """The sections as a person sends them back, one sentence reworded."""
    return [
        {
            "heading": section["heading"],
            "kind": section["kind"],
            "sentences": [
                {
                    "text": new if one["text"] == old else one["text"],
                    "finding_ids": one["finding_ids"],
                }
                for one in section["sentences"]
            ],
        }
        for section in report["sections"]
    ]


def moved(api: ApiNode, report: dict[str, Any], state: str, **more: Any) -> httpx.Response:
    return api.client.post(
        f"/api/reports/{report['report_id']}/state",
        json={"state": state, **more},
        headers={"If-Match": f'"{report["version"]}"'},
    )


def test_a_draft_says_what_was_found_in_the_sections_of_a_report(api: ApiNode, study: str) -> None:
    report = drafted(api, study, indication="Memory loss.\nSince 2023.")
    sentences = texts(report)
    assert list(sentences) == ["indication", "technique", "comparison", "findings", "impression"]
    assert "“Memory loss. Since 2023.”" in sentences["indication"][0]
    assert sentences["findings"][0] == "The brain has a volume of 1,234.5 cm³."
    assert sentences["findings"][-1].startswith("Not assessed:")
    (finding,) = api.storage.findings.of_study(study)
    sentence = report["sections"][3]["sentences"][0]
    assert (sentence["finding_ids"], sentence["origin"]) == ([finding.finding_id], "template")
    assert report["next_states"] == ["final", "preliminary"]
    german = drafted(api, study, language="de")
    assert texts(german)["findings"][0] == "Das Hirnvolumen beträgt 1.234,5 cm³."
    assert german["version"] == 2
    listed = api.client.get("/api/studies").json()["items"][0]["report"]
    assert (listed["report_id"], listed["state"]) == (report["report_id"], "draft")
    is_problem(
        api.client.post("/api/reports/draft", json={"study_instance_uid": study, "language": "xx"}),
        400,
        "invalid_request",
    )
    is_problem(
        api.client.post("/api/reports/draft", json={"study_instance_uid": "9.9"}), 404, "not_found"
    )


def test_an_edit_is_the_persons_and_keeps_only_the_bindings_that_still_hold(
    api: ApiNode, study: str
) -> None:
    report = drafted(api, study)
    url = f"/api/reports/{report['report_id']}"
    was = "The brain has a volume of 1,234.5 cm³."
    edit = {"sections": sent(report, was, "Brain volume is 1,234.5 cm³, unremarkable.")}
    is_problem(api.client.put(url, json=edit), 428, "version_required")
    unseen = api.client.put(url, json=edit, headers={"If-Match": "*"})
    is_problem(unseen, 428, "version_required")
    move = api.client.post(f"{url}/state", json={"state": "final"}, headers={"If-Match": "*"})
    is_problem(move, 428, "version_required")
    for stated, status, code in (
        ("garbage", 400, "invalid_request"),
        ('W/"1"', 412, "version_conflict"),
        ('"7", "8"', 412, "version_conflict"),
    ):
        refused = api.client.put(url, json=edit, headers={"If-Match": stated})
        is_problem(refused, status, code)
    edit["title"] = "Brain \x1b[2J\u202evolume"
    edit["sections"][0]["heading"] = "Clinical\ninformation\x85"
    edit["sections"][3]["sentences"][0]["text"] = "Brain volume\x1b is 1,234.5 cm³, unremarkable."
    answer = api.client.put(url, json=edit, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert answer.json()["title"] == "Brain [2Jvolume"
    assert answer.json()["sections"][0]["heading"] == "Clinical information"
    first = answer.json()["sections"][3]["sentences"][0]
    assert (first["origin"], first["author"], first["basis"]) == ("person", "local", "findings")
    assert len(first["finding_ids"]) == 1
    assert answer.json()["sections"][3]["sentences"][1]["origin"] == "template"
    stale = is_problem(
        api.client.put(url, json=edit, headers={"If-Match": '"1"'}), 412, "version_conflict"
    )
    assert "diff" in stale["remedy"]
    other = {"version": 2, "sections": sent(report, was, "Brain volume is 1,534.5 cm³.")}
    changed = api.client.put(url, json=other).json()["sections"][3]["sentences"][0]
    assert (changed["finding_ids"], changed["basis"]) == ([], "person"), (
        "no finding states the number that the person wrote"
    )
    diff = api.client.get(f"{url}/diff", params={"from_version": 1, "to_version": 3}).json()
    lines = next(one for one in diff["sections"] if one["kind"] == "findings")["lines"]
    assert [(one["change"], one["text"]) for one in lines[:2]] == [
        ("removed", was),
        ("added", "Brain volume is 1,534.5 cm³."),
    ]
    assert [one["version"] for one in api.client.get(f"{url}/versions").json()["items"]] == [
        3,
        2,
        1,
    ]
    is_problem(api.client.get(f"{url}/diff", params={"from_version": 9}), 404, "not_found")


def test_a_sentence_that_was_removed_comes_back_as_what_it_was(api: ApiNode, study: str) -> None:
    report = drafted(api, study)
    url = f"/api/reports/{report['report_id']}"
    was = report["sections"][3]["sentences"][0]
    whole = [
        {
            "heading": one["heading"],
            "kind": one["kind"],
            "sentences": [{"text": sentence["text"]} for sentence in one["sentences"]],
        }
        for one in report["sections"]
    ]
    fewer = [
        {**one, "sentences": one["sentences"][number == 3 :]} for number, one in enumerate(whole)
    ]
    removed = api.client.put(url, json={"version": 1, "sections": fewer}).json()
    assert was["text"] not in texts(removed)["findings"]
    again = api.client.put(url, json={"version": 2, "sections": whole}).json()
    assert again["sections"][3]["sentences"][0] == was
    assert again["version"] == 3
    # What its findings never stated is a person's, as before.
    changed = [dict(one) for one in whole]
    changed[3]["sentences"] = [
        {"text": "The brain has a volume of 1,500 cm³.", "finding_ids": was["finding_ids"]}
    ]
    other = api.client.put(url, json={"version": 3, "sections": changed}).json()
    assert other["sections"][3]["sentences"][0]["basis"] == "person"


def test_a_signed_report_whose_results_were_withdrawn_is_not_current(
    api: ApiNode, study: str
) -> None:
    report = drafted(api, study)
    final = moved(api, report, "final").json()
    assert final["superseded_at"] is None
    url = f"/api/reports/{report['report_id']}"
    resource = f"/fhir/DiagnosticReport/{report['report_id']}"
    assert api.client.get(resource).json()["status"] == "final"
    (finding,) = api.storage.findings.of_study(study)
    assert api.storage.withdrawals.supersede(finding.job_id, "The series changed.", utcnow())
    answer = api.client.get(url).json()
    assert (answer["state"], texts(answer)) == ("final", texts(final))
    sentence = next(one for one in texts(final)["findings"] if "1,234.5" in one)
    assert answer["superseded_at"] is not None
    assert "were withdrawn" in answer["attention"]["reason"]
    assert api.client.get("/api/studies").json()["items"][0]["report"]["is_superseded"]
    text = api.client.get(f"{url}/text").text
    assert "NOT CURRENT: on " in text
    assert f"{sentence} [rests on withdrawn results]" in text
    with pypdfium2.PdfDocument(api.client.get(f"{url}/pdf").content) as pdf:
        page = pdf[0].get_textpage().get_text_range()
    assert "NOT CURRENT" in page
    assert "[rests on withdrawn results]" in page
    assert "(withdrawn)" in page, "in the table of findings, too"
    observation = api.client.get(f"/fhir/Observation/{finding.finding_id}").json()
    assert observation["status"] == "entered-in-error"
    shown = api.client.get(resource).json()
    assert shown["status"] == "partial"
    assert shown["conclusion"].startswith("Not current: results that this report rests on were")
    for status, found in (("final", 0), ("partial", 1)):
        bundle = api.client.get("/fhir/DiagnosticReport", params={"status": status}).json()
        assert bundle["total"] == found
    # A text that goes on stating them is no more current than it was.
    amendment = {"sections": sent(final, texts(final)["indication"][0], "No symptoms.")}
    amended = moved(api, answer, "amended", reason="Spelling.", **amendment).json()
    assert (amended["state"], amended["superseded_at"]) == ("amended", answer["superseded_at"])
    text = api.client.get(f"{url}/text").text
    assert "NOT CURRENT: this text rests on results that had been withdrawn" in text
    withdrawn = [{"heading": "Impression", "kind": "impression",
                  "sentences": [{"text": "Withdrawn."}]}]  # fmt: skip
    amended = moved(api, amended, "amended", reason="More images.", sections=withdrawn).json()
    assert (amended["state"], amended["superseded_at"]) == ("amended", None)
    assert "NOT CURRENT" not in api.client.get(f"{url}/text").text


def test_a_critical_finding_that_the_impression_lacks_is_named_and_keeps_nobody_from_signing(
    api: ApiNode, study: str
) -> None:
    report = drafted(api, study)
    assert report["missing"] == []
    volume = "The brain has a volume of 1,234.5 cm³."
    written = sent(report, volume, "Acute subdural hematoma on the right. No pneumothorax.")
    edited = api.client.put(
        f"/api/reports/{report['report_id']}", json={"version": 1, "sections": written}
    ).json()
    (missing,) = edited["missing"]
    assert [one["concept"] for one in missing["concepts"]] == ["subdural_hematoma"]
    assert missing["sentence"] == "Acute subdural hematoma on the right."
    assert api.client.get(f"/api/studies/{study}").json()["reports"][0]["missing"] == [missing]
    final = moved(api, edited, "final")
    assert final.status_code == 200, final.text
    assert final.json()["missing"] == [missing]
    concluded = sent(final.json(), "", "")
    concluded[-1]["sentences"].append({"text": "Right subdural hematoma."})
    assert concluded[-1]["kind"] == "impression"
    amended = moved(api, final.json(), "amended", sections=concluded, reason="Concluded.").json()
    assert amended["missing"] == []
    assert api.client.get("/api/reports").json()["items"][0]["missing"] is None


def test_a_signed_report_is_amended_and_never_edited(api: ApiNode, study: str) -> None:
    report = drafted(api, study)
    final = moved(api, report, "final").json()
    assert (final["state"], final["signed_by"], final["next_states"]) == (
        "final",
        "local",
        ["amended"],
    )
    edit = {"version": 2, "sections": sent(report, "", "")}
    url = f"/api/reports/{report['report_id']}"
    is_problem(api.client.put(url, json=edit), 409, "state_conflict")
    is_problem(moved(api, final, "draft"), 409, "state_conflict")
    (finding,) = api.storage.findings.of_study(study)
    api.client.post(
        f"/api/findings/{finding.finding_id}/feedback", json={"kind": "CORRECTED", "value": 1300}
    ).raise_for_status()
    answer = drafted(api, study)
    assert texts(answer) == texts(final)
    assert "1,300.0 cm³" in str(answer["attention"]["proposal"])
    waiting = api.client.get("/api/reports", params={"needs_attention": "true"}).json()
    assert [one["report_id"] for one in waiting["items"]] == [report["report_id"]]
    corrected = sent(
        final, "The brain has a volume of 1,234.5 cm³.", "The brain has a volume of 1,300.0 cm³."
    )
    is_problem(moved(api, final, "amended", sections=corrected), 400, "invalid_request")
    # The impression states it as well, which an amendment is marked with otherwise.
    corrected = sent({"sections": corrected}, IMPRESSION, "Brain volume 1,300.0 cm³.")
    amended = moved(api, final, "amended", sections=corrected, reason="Mask corrected.").json()
    assert (amended["state"], amended["attention"]) == ("amended", None)
    assert amended["sections"][3]["sentences"][0]["origin"] == "template", "as the draft has it"
    kept = api.client.get(f"{url}/versions").json()["items"]
    assert [one["reason"] for one in kept] == ["Mask corrected.", "", ""]
    assert texts(kept[1]) == texts(final)


@pytest.mark.parametrize(
    ("value", "unit"), [(1.3, "L"), (1_300_000, "mm3"), (1300, "cm3"), (1300, "mL")]
)
def test_a_value_corrected_in_another_unit_stands_in_that_of_the_finding(
    api: ApiNode, study: str, value: float, unit: str
) -> None:
    (finding,) = api.storage.findings.of_study(study)
    url = f"/api/findings/{finding.finding_id}/feedback"
    body = {"kind": "CORRECTED", "value": value, "unit": {"value": unit, "meaning": "as I say"}}
    kept = api.client.post(url, json=body).json()
    assert (kept["value"], kept["unit"]["value"]) == (1300, "cm3")
    assert "1,300.0 cm³" in str(texts(drafted(api, study)))


@pytest.mark.parametrize("value", [-3, 1e300, -1e-9])
def test_a_value_that_no_volume_can_have_is_refused(api: ApiNode, study: str, value: float) -> None:
    (finding,) = api.storage.findings.of_study(study)
    url = f"/api/findings/{finding.finding_id}/feedback"
    refused = api.client.post(url, json={"kind": "CORRECTED", "value": value})
    is_problem(refused, 422, "value_does_not_fit")


@pytest.mark.parametrize("unit", ["mm", "[hnsf'U]", "1", "ML"])
def test_a_value_corrected_in_a_unit_of_something_else_is_refused(
    api: ApiNode, study: str, unit: str
) -> None:
    (finding,) = api.storage.findings.of_study(study)
    url = f"/api/findings/{finding.finding_id}/feedback"
    body = {"kind": "CORRECTED", "value": 1300, "unit": {"value": unit}}
    refused = api.client.post(url, json=body)
    is_problem(refused, 422, "unit_does_not_fit")
    assert unit in refused.json()["detail"]
    assert "cm3 or" in refused.json()["remedy"]
    assert api.storage.finding_feedback.of_findings([finding.finding_id])[finding.finding_id] == []


def test_a_rejected_finding_leaves_the_draft(api: ApiNode, study: str) -> None:
    (finding,) = api.storage.findings.of_study(study)
    drafted(api, study)
    api.client.post(
        f"/api/findings/{finding.finding_id}/feedback", json={"kind": "REJECTED"}
    ).raise_for_status()
    answer = texts(drafted(api, study))
    assert "1,234.5" not in str(answer)
    assert any("rejected on review" in one for one in answer["findings"])


def test_the_pages_of_a_version_are_shown_as_the_pdf_has_them(api: ApiNode, study: str) -> None:
    report = drafted(api, study)
    path = f"/api/reports/{report['report_id']}"
    sections = sent(report, "", "")
    sections[3]["sentences"] += [{"text": "No. " * 900} for _ in range(4)]
    edited = api.client.put(path, json={"sections": sections, "version": report["version"]})
    assert edited.status_code == 200, edited.text
    first = api.client.get(f"{path}/pages", params={"version": 1}).json()
    assert first == {"version": 1, "page_count": 1}
    newest = api.client.get(f"{path}/pages").json()
    assert newest["version"] == 2
    assert newest["page_count"] > 1
    pages = [
        api.client.get(f"{path}/pages/{number}")
        for number in (1, newest["page_count"], newest["page_count"] + 1)
    ]
    for page in pages[:2]:
        assert page.headers["content-type"] == "image/png"
        width, height = Image.open(io.BytesIO(page.content)).size
        assert height / width == pytest.approx(297 / 210, abs=0.01)
        assert page.headers["cache-control"] == "no-store"
    assert pages[0].content != pages[1].content
    is_problem(pages[2], 404, "not_found")
