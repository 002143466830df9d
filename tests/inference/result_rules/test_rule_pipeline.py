"""Lungs, nodules in them, and a category by rule: three pipelines one after the other."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inference.annotations.feedback_reports import write_feedback_reports
from inference.fhir.observation import observation
from inference.findings.derived import void_among
from inference.refusals import ModelUnusable
from inference.reports.draft import draft_study
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.findings import FeedbackKind, Finding
from storage.findings.search import Found
from tests.inference.input_selection.chained import (
    LUNGS,
    NODULES,
    STUDY,
    add,
    add_lungs,
    add_nodules,
    chest,
    decided,
    done,
)
from tests.inference.orchestration import later, storage_in
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.result_rules.test_assessment import PAGE, page_card

RULE = "rule-lung-rads-by-size"
SOLID = {
    "1": {
        "label": "Nodule", "code": ["SOLID", "99SITE", "Solid nodule"],
        "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
    }
}  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def assessed(storage: Storage, folder: Path, card: dict[str, Any], **nodules: Any) -> Job:
    """A study through the whole chain."""
    (folder / "rule").mkdir()
    add(storage, folder / "rule", card)
    add_nodules(storage, folder / "nodules", **nodules)
    add_lungs(storage, folder / "lungs")
    waiting = decided(storage, chest(StudyDescription="Screening, baseline"), pipeline=RULE)
    assert f"a result of {NODULES}, which does not run" in waiting.reason
    done(storage, decided(storage, pipeline=LUNGS))
    assert decided(storage, pipeline=RULE).reason.startswith("Waits for Nodules: ")
    done(storage, decided(storage))
    return done(storage, decided(storage, pipeline=RULE))


def categories(storage: Storage, job: Job) -> dict[str, Finding]:
    return {one.label: one for one in storage.findings.of_job(job.job_id)}


def test_a_solid_nodule_gets_its_category_and_it_leaves_as_other_findings_do(
    storage: Storage, tmp_path: Path
) -> None:
    job = assessed(storage, tmp_path, page_card(), segments=SOLID)
    found = categories(storage, job)
    total = found["Lung-RADS v2022: 4A"]
    assert (total.code.value, total.value, total.confidence) == ("LR4A", None, None)
    assert total.validity is not None
    assert total.validity.reason.startswith("By rule, by Nodule")
    assert "solid, mean diameter (mm) 1" in total.validity.reason
    assert "American College of Radiology" in total.validity.reason
    assert len(found) == 2
    made = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    report = storage.instances.dataset(storage.generated.instance(made["SR"]))
    assert report.VerificationFlag == "UNVERIFIED"
    content = report.to_json()
    for stated in ("LR4A", "Rule over stated values", "rule source=American College"):
        assert stated in content
    shown = observation(Found(total, utcnow()), storage.index.study(STUDY), [])
    assert total.validity.reason in shown.model_dump_json()
    text = "\n".join(one.text for one in draft_study(storage, STUDY, "en").sentences)
    assert "The software states “Lung-RADS v2022: 4A” (By rule, by Nodule" in text
    assert "confidence of 0" not in text
    # A reader rejects the nodule that the category is of.
    reader = of_account("dr-jones")
    nodules = [one for one in storage.findings.of_study(STUDY) if one.pipeline == NODULES]
    for one in nodules:
        storage.finding_feedback.add(one, "REJECTED", reader)
    text = "\n".join(one.text for one in draft_study(storage, STUDY, "en").sentences)
    assert "The software states" not in text
    assert "rejected or corrected on review: Lung-RADS v2022: 4A" in text
    # Its own report follows, though nobody stated anything of its findings.
    write_feedback_reports(storage, later(3600))
    (version,) = storage.feedback_reports.versions(job.job_id)
    follows = storage.instances.dataset(storage.generated.instance(version.sop_instance_uid))
    measured = [
        one
        for one in follows.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    ]
    assert "LR4A" not in "".join(one.to_json() for one in measured)
    assert "Lung-RADS v2022: 4A: left out, since it holds a value" in follows.to_json()
    assert write_feedback_reports(storage, later(3600)) == 0
    void = void_among(storage.findings, storage.finding_feedback, list(found.values()))
    assert void == {one.finding_id for one in found.values()}
    storage.finding_feedback.add(total, "ACCEPTED", reader)
    text = "\n".join(one.text for one in draft_study(storage, STUDY, "en").sentences)
    assert "The software states “Lung-RADS v2022: 4A”" in text
    # The lungs are withdrawn, and with them all that rests on them.
    lungs, _ = storage.jobs.list(study_instance_uid=STUDY, pipeline=LUNGS)
    assert storage.withdrawals.supersede(lungs[0].job_id, "Wrong.", utcnow())
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    assert storage.findings.of_study(STUDY) == []


@pytest.mark.slow
def test_a_nodule_of_no_stated_kind_is_not_assessable_as_the_page_says(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        folder = tmp_path / "lung_rads"
        folder.mkdir()
        (folder / "mediview.json").write_text(json.dumps(page_card()))
        assert "   mediview models add lung_rads\n" in PAGE
        output = mediview(tmp_path, storage, "models", "add", "lung_rads")
        assert "It is verified: 9 examples of the card have their category." in output
        assert f"It is active: the pipeline {RULE} runs with it." in output
        job = assessed(storage, tmp_path, page_card())
        of_lesion = next(
            one for label, one in categories(storage, job).items() if label.startswith("Nodule")
        )
        assert of_lesion.code.value == "NOTASSESSABLE"
        assert of_lesion.validity is not None
        shown = f"{of_lesion.label}: {of_lesion.validity.reason}"
        assert f"\n> {shown.split(' Known: ', maxsplit=1)[0]}\n" in PAGE


def test_a_rule_that_contradicts_its_examples_is_not_added(
    storage: Storage, tmp_path: Path
) -> None:
    card = page_card()
    card["rule"]["examples"][0]["category"] = "4B"
    (tmp_path / "rule").mkdir()
    with pytest.raises(ModelUnusable, match=r"Example 1 of .* is 4B by its card, and 2 by"):
        add(storage, tmp_path / "rule", card)


@pytest.mark.parametrize("rule_first", [True, False])
@pytest.mark.parametrize("accepted_last", [True, False])
def test_the_last_report_has_the_last_word_in_whatever_order_reports_are_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule_first: bool, accepted_last: bool
) -> None:
    with storage_in(tmp_path) as storage:
        job = assessed(storage, tmp_path, page_card(), segments=SOLID)
        reader = of_account("dr-jones")
        nodules = [one for one in storage.findings.of_study(STUDY) if one.pipeline == NODULES]
        words: list[tuple[FeedbackKind, Iterable[Finding]]] = [
            ("REJECTED", nodules),
            ("ACCEPTED", categories(storage, job).values()),
        ]
        for kind, findings in words if accepted_last else reversed(words):
            for one in findings:
                storage.finding_feedback.add(one, kind, reader)
        reports = storage.feedback_reports
        due = sorted(
            reports.due(timedelta(minutes=5), later(3600), 100),
            key=lambda one: one[0] != job.job_id,
        )
        monkeypatch.setattr(
            type(reports), "due", lambda *_: due if rule_first else list(reversed(due))
        )
        assert write_feedback_reports(storage, later(3600))
        written = [
            storage.instances.dataset(storage.generated.instance(one.sop_instance_uid))
            for one in reports.versions(job.job_id)
        ]
    newest = max(written, key=lambda one: int(one.InstanceNumber))
    assert "accepted" in newest.to_json().lower()
    # Who accepts the category after all does so knowing of the nodule.
    assert ("left out" in newest.to_json()) is not accepted_last
