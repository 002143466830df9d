"""Questions in words over HTTP: answered at once, later, sentence by sentence, or not at all."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.core.clock import utcnow
from storage.maintenance.expiry import remove_expired
from storage.settings import Settings
from tests.api.answering import answering
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.language.texts import TEXT, letter, put_report, study_with_finding
from tests.inference.language.conftest import RIGHT, WRONG
from tests.patience import PATIENCE_S


def test_a_text_is_summarised_at_once(asked: ApiNode) -> None:
    answer = asked.client.post("/api/summarize", json={"text": TEXT}).json()
    assert answer["text"] == "Left hydropneumothorax."
    assert answer["method"] == "extractive"
    assert answer["verification"] == "UNVERIFIED"
    assert answer["timings_s"]["total"] > 0
    again = asked.client.get(f"/api/answers/{answer['job_id']}")
    assert again.json() == answer


def test_a_report_is_summarised_with_what_its_sentences_rest_on(asked: ApiNode) -> None:
    study, finding_id = study_with_finding(asked)
    report_id = put_report(asked, study, ("Brain volume is 1234.5 cm³.", finding_id))
    answer = asked.client.post("/api/summarize", json={"report_ids": [report_id]}).json()
    assert answer["sentences"] == [
        {"text": "Brain volume is 1234.5 cm³.", "finding_ids": [finding_id]}
    ]
    is_problem(asked.client.post("/api/summarize", json={"report_ids": ["r9"]}), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"text": " "}, {"text": "a", "report_ids": ["b"]}])
def test_a_summary_has_one_source(reading_api: ApiNode, body: dict[str, Any]) -> None:
    is_problem(reading_api.client.post("/api/summarize", json=body), 422, "validation_failed")


def test_a_model_answers_sentence_by_sentence(api_settings: Settings, llama: Path) -> None:
    """Asked for later, followed live: no unchecked word is told."""
    settings = api_settings.model_copy(update={"hf_summ_model": str(llama)})
    with api_node(settings) as api:
        started = api.client.post(
            "/api/summarize", json={"text": TEXT}, headers={"Prefer": "respond-async"}
        )
        assert started.status_code == 202
        assert started.headers["location"] == started.json()["answer_url"]
        assert api.client.get(started.json()["answer_url"]).status_code == 202
        with answering(settings):
            events = list(stream(api, started.json()["events_url"]))
    names = [name for name, _ in events]
    assert names[-1] == "answer"
    assert [data["text"] for name, data in events if name == "sentence"] == [RIGHT]
    assert [data["text"] for name, data in events if name == "withheld"] == [WRONG]
    answer = events[-1][1]
    assert answer["text"] == RIGHT
    assert (answer["model"], answer["revision"]) == ("llama", "local")
    assert answer["tokens"] > 0
    assert WRONG not in json.dumps([data for name, data in events if name == "sentence"])


def stream(api: ApiNode, path: str) -> Iterator[tuple[str, Any]]:
    name = ""
    with api.client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_who_waits_no_longer_gets_the_job(api: ApiNode) -> None:
    """Nobody works here, so that every answer takes longer."""
    begun = time.monotonic()
    answer = api.client.post("/api/summarize", json={"text": TEXT}, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert 0.9 < time.monotonic() - begun < 10
    job = api.client.get(f"/api/jobs/{answer.json()['job_id']}").json()
    assert (job["pipeline"], job["state"]) == ("summary", "scheduled")
    assert job["study_instance_uid"] == ""
    canceled = api.client.post(f"/api/jobs/{job['job_id']}/cancel", json={})
    assert canceled.status_code == 200
    is_problem(api.client.get(answer.json()["answer_url"]), 503, "answer_failed")


def test_the_job_of_a_question_names_the_study_that_it_is_about(api: ApiNode) -> None:
    """Whatever became of it: of many that failed, people look for the study."""
    study, _ = study_with_finding(api)
    body = {"study_instance_uid": study, "question": "What is the brain volume?"}
    asked = api.client.post("/api/vqa", json=body, headers={"Prefer": "wait=0"}).json()
    api.client.post(f"/api/jobs/{asked['job_id']}/cancel", json={})
    listed = api.client.get("/api/jobs", params={"pipeline": "vqa"}).json()["items"]
    shown = api.client.get(f"/api/jobs/{asked['job_id']}").json()
    (with_findings,) = [
        one for one in api.client.get("/api/jobs").json()["items"] if one["pipeline"] != "vqa"
    ]
    of_study = api.client.get("/api/jobs", params={"study_instance_uid": study}).json()
    assert of_study["total"] == 2
    assert {one["pipeline"] for one in of_study["items"]} == {"vqa", with_findings["pipeline"]}
    for job in (listed[0], shown):
        assert (job["job_id"], job["study_instance_uid"]) == (asked["job_id"], study)
    assert listed[0]["patient_id"] == with_findings["patient_id"] != ""


def test_a_question_is_answered_from_a_finding(asked: ApiNode) -> None:
    study, finding_id = study_with_finding(asked)
    body = {"study_instance_uid": study, "question": "What is the brain volume?"}
    answer = asked.client.post("/api/vqa", json=body).json()
    assert answer["method"] == "findings"
    assert answer["sentences"] == [
        {"text": "Brain volume: 1,234.5 cm³.", "finding_ids": [finding_id]}
    ]


def test_what_nobody_can_answer_is_not_invented(asked: ApiNode) -> None:
    study, _ = study_with_finding(asked)
    body = {"study_instance_uid": study, "question": "Is there a pneumothorax?"}
    problem = is_problem(asked.client.post("/api/vqa", json=body), 503, "not_configured")
    assert "HF_VQA_MODEL" in problem["remedy"]
    again = is_problem(asked.client.get(f"/api/answers/{problem['job_id']}"), 503, "not_configured")
    assert again["detail"] == problem["detail"]
    events = list(stream(asked, f"/api/answers/{problem['job_id']}/events"))
    assert events[-1][0] == "problem"
    # A question is no step of the study's work.
    (found,) = asked.client.get("/api/studies").json()["items"]
    assert found["state"] != "failed"
    assert asked.client.get("/dicom-web/workitems").text.count("vqa") == 0
    unknown = {**body, "study_instance_uid": "2.25.1"}
    is_problem(asked.client.post("/api/vqa", json=unknown), 404, "not_found")


def test_a_text_without_names(asked: ApiNode) -> None:
    study, _ = study_with_finding(asked)
    name = str(asked.storage.index.study(study).patient_name).split("^")[0]
    body = {"text": f"{name} was seen by Dr. Miller.", "study_instance_uid": study}
    answer = asked.client.post("/api/deid/text", json=body).json()
    assert answer["text"] == "[NAME] was seen by Dr. [NAME]."
    assert [one["source"] for one in answer["spans"]] == ["header", "pattern"]


def test_answers_are_forgotten_with_their_documents(asked: ApiNode) -> None:
    answer = asked.client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "When is the next appointment?"},
    ).json()
    key = asked.storage.answers.get(answer["job_id"]).object_key
    assert asked.storage.objects.exists(key)
    remove_expired(asked.storage, utcnow() + timedelta(days=2))
    assert not asked.storage.objects.exists(key)
    is_problem(asked.client.get(f"/api/answers/{answer['job_id']}"), 404, "not_found")


def test_reports_and_findings_are_found_by_meaning(asked: ApiNode) -> None:
    _, finding_id = study_with_finding(asked)
    r1 = put_report(asked, "2.25.31", ("A moderate pleural effusion on the left.", finding_id))
    r2 = put_report(asked, "2.25.32", ("Left sided pleural effusion, small.", finding_id))
    r3 = put_report(asked, "2.25.33", ("A fracture of the sixth rib.", finding_id))
    deadline = time.monotonic() + PATIENCE_S
    while asked.storage.passages.are_waiting() and time.monotonic() < deadline:
        time.sleep(0.05)
    result = asked.client.get("/api/search", params={"q": "fluid around the lung"}).json()
    assert [one["report_id"] for one in result["items"][:2]] in ([r1, r2], [r2, r1])
    assert (result["searched"], result["waiting"]) == (4, 0)
    found = asked.client.get("/api/search", params={"q": "brain size", "kind": "finding"}).json()
    (hit,) = found["items"]
    assert hit["finding_id"] == finding_id
    study = asked.storage.index.study(hit["study_instance_uid"])
    assert (hit["patient_name"], hit["modalities"]) == (study.patient_name, ["MR"])
    similar = asked.client.get(f"/api/reports/{r1}/similar").json()["items"]
    assert similar[0]["report_id"] == r2
    assert r3 not in [one["report_id"] for one in similar[:1]]
    assert not similar[0]["same_patient"]
    is_problem(asked.client.get("/api/reports/r9/similar"), 404, "not_found")
    is_problem(asked.client.get("/api/search", params={"q": "x"}), 422, "validation_failed")


def test_what_is_critical_in_a_text_is_told_first(asked: ApiNode) -> None:
    text = (
        "Findings:\nThe liver is normal. Gas is seen in the intrahepatic portal branches."
        " No free air. Simple renal cyst.\n\nImpression:\nSimple renal cyst."
    )
    answer = asked.client.post("/api/summarize", json={"text": text, "max_sentences": 1}).json()
    assert [one["text"] for one in answer["sentences"]] == [
        "Gas is seen in the intrahepatic portal branches.",
        "Simple renal cyst.",
    ]
    assert answer["missing"] == []


def test_what_a_model_leaves_out_is_named_with_its_sentence(
    api_settings: Settings, llama: Path
) -> None:
    text = (
        f"Befund:\n{RIGHT} Freie Luft unter dem Zwerchfell. Kein Abszess. Z.n. Lungenembolie."
        " Eine Milzruptur kann nicht ausgeschlossen werden.\n"
    )
    changed = {"hf_summ_model": str(llama), "report_language": "de"}
    settings = api_settings.model_copy(update=changed)
    with api_node(settings) as api, answering(settings):
        answer = api.client.post("/api/summarize", json={"text": text}).json()
    assert answer["method"] == "model"
    air, spleen = answer["missing"]
    assert (air["category"], air["certainty"]) == ("immediate", "present")
    assert air["sentence"] == "Freie Luft unter dem Zwerchfell."
    assert air["concepts"][0]["names"] == {"en": "free air", "de": "freie Luft"}
    assert (spleen["certainty"], spleen["source_id"]) == ("uncertain", "text")
    assert answer["text"] == (
        f"{RIGHT} Kritisch und nicht genannt: freie Luft. Quelle: „Freie Luft unter dem"
        " Zwerchfell.“ Kritisch, falls bestätigt, und nicht genannt: Milzverletzung. Quelle: „Eine"
        " Milzruptur kann nicht ausgeschlossen werden.“"
    )


def test_an_answer_about_a_study_names_its_open_alerts(asked: ApiNode) -> None:
    study, _ = study_with_finding(asked)
    asked.storage.critical_alerts.rise(
        study, "another-finding", "rule", "Pneumothorax 0.97 (rule).", 60.0
    )
    question = {"question": "What is the brain volume?", "study_instance_uid": study}
    answer = asked.client.post("/api/vqa", json=question).json()
    (missing,) = answer["missing"]
    assert missing["sentence"] == "Pneumothorax 0.97 (rule)."
    assert missing["finding_ids"] == ["another-finding"]
    assert answer["text"].endswith("Critical and not stated: Pneumothorax 0.97 (rule).")
