"""Questions that what was measured answers, and those that it does not."""

import dataclasses
import time
import uuid
from collections.abc import Sequence

import pytest

from inference.language.measured.answers import answer_from_findings
from inference.language.measured.question import read_question
from storage.core.clock import utcnow
from storage.core.findings import Code, Finding, NormalRange, Prior, Validity


def finding(label: str, value: float, unit: str = "cm3", code: str = "Volume") -> Finding:
    return Finding(
        finding_id=str(uuid.uuid4()),
        job_id="",
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        pipeline="lung-density",
        pipeline_version="1.0.0",
        label=label,
        code=Code("118565006", "SCT", code),
        value=value,
        unit=Code(unit, "UCUM", unit),
        confidence=None,
        tracking_identifier=f"lung-density: {label}",
        tracking_uid="2.25.7",
        segmentation=None,
        created_at=utcnow(),
    )


FINDINGS = (
    finding("Left lung volume", 2345.6),
    finding("Right lung volume", 2645.1),
    finding("Left lung mean density", -851.2, "[hnsf'U]", "Mean density"),
    finding("Right lung mean density", -849.4, "[hnsf'U]", "Mean density"),
    finding("LAA-950", 2.7, "%", "Low attenuation area"),
    finding("Brain volume", 1234.5),
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the volume of the left lung?", ["Left lung volume: 2,345.6 cm³."]),
        ("How large is the volume of the right lung?", ["Right lung volume: 2,645.1 cm³."]),
        ("brain volume", ["Brain volume: 1,234.5 cm³."]),
        ("How dense is the left lung?", ["Left lung mean density: -851 HU."]),
        ("Wie groß ist das Volumen der linken Lunge?", ["Left lung volume: 2,345.6 cm³."]),
        ("Is there a lesion of the brain?", []),
        ("Is the left kidney enlarged?", []),
        ("What is the volume of the left brain?", []),
        ("Is there a pneumothorax?", []),
        ("How are you?", []),
        ("What is it?", []),
    ],
)
def test_a_finding_answers_what_it_measured_and_nothing_else(
    question: str, answer: Sequence[str]
) -> None:
    shown = answer_from_findings(question, FINDINGS)
    assert [one.text for one in shown] == list(answer)
    by_id = {one.finding_id: one for one in FINDINGS}
    for one in shown:
        (finding_id,) = one.finding_ids
        assert by_id[finding_id].label in one.text


LEFT, RIGHT = "Left lung volume: 2,345.6 cm³", "Right lung volume: 2,645.1 cm³"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which lung is larger?", f"{RIGHT}; {LEFT}; the right one is greater."),
        ("Is the left lung smaller than the right?", f"{LEFT}; {RIGHT}; the left one is less."),
        ("Welche Lunge ist größer?", f"{RIGHT}; {LEFT}; the right one is greater."),
        (
            "Which lung is denser?",
            "Right lung mean density: -849 HU; Left lung mean density: -851 HU;"
            " the right one is greater.",
        ),
        ("Is the volume of the left lung below 2 litres?", f"{LEFT}, not below 2 litres."),
        ("Is the left lung volume under 2,400 ml?", f"{LEFT}, below 2400 ml."),
        ("Ist das Volumen der linken Lunge über 2,3 Liter?", f"{LEFT}, above 2.3 liter."),
        ("Is LAA-950 > 2%?", "LAA-950: 2.70 %, above 2 %."),
        ("Is the emphysema more than 5 percent?", "LAA-950: 2.70 %, not above 5 percent."),
        ("Is LAA-950 at most 2.7 %?", "LAA-950: 2.70 %, at most 2.7 %."),
        (
            "Is the left lung volume between 1 and 2,300 ml?",
            f"{LEFT}, at least 1 ml, not at most 2300 ml.",
        ),
        (
            "Has the brain volume changed?",
            "Brain volume: 1,234.5 cm³; no earlier value to compare it with is known.",
        ),
        (
            "Is the brain volume normal?",
            "Brain volume: 1,234.5 cm³; no normal range is known for it.",
        ),
    ],
)
def test_values_are_compared_as_was_asked(question: str, answer: str) -> None:
    assert [one.text for one in answer_from_findings(question, FINDINGS)] == [answer]


@pytest.mark.parametrize(
    "question",
    [
        "What are the volumes of both lungs?",
        "What are the lung volumes?",
        "Wie groß sind die Volumina beider Lungen?",
    ],
)
def test_asked_for_both_sides_both_answer(question: str) -> None:
    assert {one.text for one in answer_from_findings(question, FINDINGS)} == {
        f"{LEFT}.",
        f"{RIGHT}.",
    }


@pytest.mark.parametrize(
    "question",
    [
        "Which kidney is larger?",
        "Is the left lung volume below 40 HU?",
        "Is the nodule larger than 6 mm?",
        "Which is larger?",
        "Is the heart enlarged?",
        "Has the effusion increased?",
    ],
)
def test_what_was_not_measured_is_compared_with_nothing(question: str) -> None:
    assert answer_from_findings(question, FINDINGS) == []


def test_a_part_of_a_structure_is_neither_compared_nor_judged() -> None:
    cut = dataclasses.replace(FINDINGS[0], validity=Validity("truncated", ("inferior",)))
    findings = (cut, *FINDINGS[1:])
    assert answer_from_findings("Which lung is larger?", findings) == []
    (answer,) = answer_from_findings("Is the left lung volume below 3 litres?", findings)
    assert "truncated" in answer.text
    assert "below" not in answer.text
    (answer,) = answer_from_findings("Is the left lung volume normal?", findings)
    assert "no normal range" in answer.text


def test_sides_within_the_variation_of_the_measurement_are_not_told_apart() -> None:
    alike = (FINDINGS[0], finding("Right lung volume", 2350.1))
    (answer,) = answer_from_findings("Which lung is larger?", alike)
    assert answer.text.endswith("; the difference is within the variation of the measurement.")
    assert set(answer.finding_ids) == {one.finding_id for one in alike}
    (answer,) = answer_from_findings(
        "Which lung is larger?", (alike[0], finding(RIGHT[:17], 2345.6))
    )
    assert answer.text.endswith("; no difference.")


def test_an_earlier_value_answers_whether_something_has_changed() -> None:
    def since(value: float) -> Finding:
        change = (1234.5 / value - 1) * 100
        prior = Prior("f", "1.2", "20250302", "1.0.0", value, 300, change, None)
        return dataclasses.replace(FINDINGS[-1], prior=prior)

    (answer,) = answer_from_findings("Hat das Hirnvolumen abgenommen?", [since(1400)])
    assert answer.text == "Brain volume: 1,234.5 cm³; 1,400.0 cm³ on 2025-03-02 (-11.8 %)."
    (answer,) = answer_from_findings("Has the brain volume changed since 2025?", [since(1240)])
    assert "Not changed beyond the variation of the measurement (3 %)" in answer.text


def test_the_normal_range_answers_whether_a_value_is_normal() -> None:
    normal = NormalRange(unit="cm3", low=1300.0, high=1500.0, source="a study")
    small = dataclasses.replace(FINDINGS[-1], normal_range=normal)
    (answer,) = answer_from_findings("Is the brain volume normal?", [small])
    assert "below" in answer.text
    assert "1,300" in answer.text


@pytest.mark.parametrize(
    "piece", ["over ", "2,345", "smaller than 1", "left ", "- ", "größer als "]
)
def test_a_long_question_is_read_in_time_by_its_length(piece: str) -> None:
    def took_s(times: int) -> float:
        begun = time.thread_time()
        read_question(piece * times)
        return time.thread_time() - begun

    took_s(100)
    assert took_s(20_000) < 20 * max(took_s(2_000), 0.001)
