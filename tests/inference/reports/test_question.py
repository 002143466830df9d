"""The order's question comes first in the impression, answered as far as something was measured."""

from dataclasses import replace

import pytest

from inference.findings.facts import fact_of
from inference.reports.draft import draft_sections
from inference.reports.evidence import Evidence
from inference.reports.locale import load_locale
from storage.core.findings import NormalRange, Validity
from storage.reports.entities import ReportSentence
from tests.inference.reports.known import brain, evidence, lungs

NOT_ANSWERED = "The question of the order is not answered by these measurements."


def impression(one: Evidence, language: str = "en") -> list[ReportSentence]:
    sections = draft_sections(one, load_locale(language))
    return list(next(section.sentences for section in sections if section.kind == "impression"))


@pytest.mark.parametrize(
    "reason", ["Emphysema?", "V.a. Lungenemphysem", "COPD GOLD III", "Emphysem"]
)
def test_what_was_measured_on_the_question_stands_first(reason: str) -> None:
    first, *others = impression(evidence(lungs, "CT", indication=reason))
    assert first.text.startswith("Measured for the question of the order: LAA-950 of both lungs")
    assert "is not answered by these measurements" in first.text
    assert first.finding_ids
    assert first.result_ids == first.finding_ids
    assert others


@pytest.mark.parametrize("reason", ["Cough.", "Husten", "Nodule in the right upper lobe?", "?"])
def test_a_question_without_a_measurement_is_called_unanswered(reason: str) -> None:
    assert impression(evidence(lungs, "CT", indication=reason))[0].text == NOT_ANSWERED


def test_without_a_reason_nothing_is_said_of_a_question() -> None:
    texts = " ".join(one.text for one in impression(evidence(lungs, "CT", indication="")))
    assert "question" not in texts


def test_the_place_among_reference_values_is_a_part_of_the_answer() -> None:
    volume, *others = brain()
    normal = NormalRange("cm3", 1000.0, 2000.0, "Cohort of 2020", percentile=34.0)
    facts = (fact_of(replace(volume.finding, normal_range=normal)), *others)
    asked = replace(evidence(brain, "MR", indication="Hirnatrophie? Demenz"), facts=facts)
    text = impression(asked)[0].text
    assert "34th percentile, within normal limits" in text
    german = impression(asked, "de")[0].text
    assert german.startswith("Zur Fragestellung wurde gemessen:")


def test_a_part_of_a_structure_answers_nothing() -> None:
    volume, *_ = brain()
    cut = replace(volume.finding, validity=Validity("truncated", ("inferior",)))
    one = replace(evidence(brain, "MR", indication="Atrophy?"), facts=(fact_of(cut),))
    assert impression(one)[0].text == NOT_ANSWERED


def test_both_sides_of_what_is_asked_for_answer_once() -> None:
    text = impression(evidence(brain, "MR", indication="Alzheimer, hippocampal atrophy?"))[0].text
    assert text.count("of the left hippocampus") == text.count("of the right hippocampus") == 1
    assert text.startswith("Measured for the question of the order: volume of the left hippocampus")
