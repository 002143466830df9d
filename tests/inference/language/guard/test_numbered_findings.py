"""Lesions distinguished by numbers, values beside reference values, and the lines of the drafts."""

from dataclasses import replace

import pytest

from benchmarks.faithfulness.evidence import findings_of, labels_of_a_classifier
from inference.findings.facts import fact_of
from inference.language.guard import Evidence, check_sentence
from inference.reports.findings_text import sentences_of
from inference.reports.locale import load_locale
from storage.core.findings import Code, Finding, NormalRange

PIPELINES = ("brain-volume", "brain-structures", "lung-density")
_CM3, _MM = Code("cm3", "UCUM", "cubic centimeter"), Code("mm", "UCUM", "millimeter")


def lesion(label: str, value: float, unit: Code) -> Finding:
    sample = findings_of("brain-volume")[0]
    return replace(sample, finding_id=label, pipeline="liver-tumors", label=label, value=value,
                   unit=unit)  # fmt: skip


LESIONS = Evidence(
    findings=(
        lesion("Liver volume", 1612.0, _CM3),
        lesion("Liver tumor 1 volume", 14.2, _CM3),
        lesion("Liver tumor 1 long axis", 34.0, _MM),
        lesion("Liver tumor 2 volume", 3.1, _CM3),
        lesion("Liver tumor 2 long axis", 19.5, _MM),
    )
)
VENTRICLE = Evidence(
    findings=(
        replace(
            lesion("Left lateral ventricle volume", 21.4, _CM3),
            normal_range=NormalRange("cm3", 5.0, 18.0, "Site reference"),
        ),
        lesion("Right lateral ventricle volume", 15.2, _CM3),
    )
)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_line_that_a_draft_makes_of_measurements_passes(language: str) -> None:
    groups = [findings_of(name) for name in PIPELINES]
    for findings in (*groups, LESIONS.findings, VENTRICLE.findings, labels_of_a_classifier()):
        evidence = Evidence(findings=tuple(findings))
        lines = list(sentences_of([fact_of(one) for one in findings], load_locale(language)))
        assert lines
        for line in lines:
            verdict = check_sentence(line.text, evidence)
            assert verdict.supported, (line.text, verdict.reasons)


@pytest.mark.parametrize(
    "sentence",
    [
        "Liver tumor 1 has a volume of 14.2 cm³.",
        "The long axis of liver tumor 2 is 19.5 mm.",
        "Der Lebertumor 1 hat ein Volumen von 14,2 cm³.",
        "Die lange Achse von Lebertumor 2 beträgt 19,5 mm.",
    ],
)
def test_a_number_behind_a_lesion_names_it(sentence: str) -> None:
    verdict = check_sentence(sentence, LESIONS)
    assert verdict.supported, verdict.reasons


@pytest.mark.parametrize(
    "sentence",
    [
        "Liver tumor 2 has a volume of 14.2 cm³.",
        "Liver tumor 3 has a volume of 3.1 cm³.",
        "The liver tumor has a volume of 3.1 cm³.",
        "The liver has a volume of 14.2 cm³.",
        "The long axis of liver tumor 1 is 19.5 mm.",
        "Liver tumor 1 measures 1 cm³.",
        "Lebertumor 2 hat ein Volumen von 14,2 cm³.",
        "The spleen tumor 1 has a volume of 14.2 cm³.",
    ],
)
def test_a_value_of_one_lesion_is_not_anothers(sentence: str) -> None:
    assert not check_sentence(sentence, LESIONS).supported


@pytest.mark.parametrize(
    ("sentence", "true"),
    [
        ("The left lateral ventricle is larger than the reference range.", True),
        ("Der linke Seitenventrikel liegt über dem Referenzbereich.", True),
        ("The left lateral ventricle, 21.4 cm³, lies above the normal range.", True),
        ("The left lateral ventricle lies within the reference range.", False),
        ("The left lateral ventricle is below the reference range.", False),
        ("The left lateral ventricle is not above the reference range.", False),
        ("The left lateral ventricle is possibly above the reference range.", False),
        ("The left lateral ventricle, 22.4 cm³, lies above the normal range.", False),
        ("The right lateral ventricle is larger than the reference range.", False),
        ("The right lateral ventricle lies within the reference range.", False),
        ("The left hippocampus is larger than the reference range.", False),
        ("The left lateral ventricle has grown above the reference range.", False),
        ("The left lateral ventricle with hemorrhage is above the reference range.", False),
    ],
)
def test_reference_values_say_where_a_value_lies(sentence: str, true: bool) -> None:
    assert check_sentence(sentence, VENTRICLE).supported is true
