"""What a summary may say of French reports passes; what they do not say is withheld."""

from pathlib import Path

import pytest
import yaml

from inference.language.guard import Evidence, SourceText, check_sentence

REPORTS = yaml.safe_load(Path(__file__).with_name("reports.yaml").read_text(encoding="utf-8"))
STILL_WITHHELD = frozenset(
    [
        "Calcul de 12 mm de la vésicule biliaire.",
        "La vésicule biliaire contient un calcul de 1,2 cm.",
        "Le foie est homogène et de taille normale.",
        "Lésion frontale gauche de 22 x 15 mm.",
        "Une lésion de 22 x 15 mm du lobe frontal gauche est hyperintense.",
        "L'appendice mesure 11 mm de diamètre.",
        "Il existe une opacité de la base pulmonaire droite.",
        "Une protrusion discale est notée en L5-S1.",
    ]
)
"""Faithful, and not understood or not followed yet."""


def _pairs(kind: str) -> list[tuple[str, str]]:
    return [(one["report"], sentence) for one in REPORTS for sentence in one[kind]]


@pytest.mark.parametrize(("report", "sentence"), _pairs("faithful"))
def test_a_faithful_french_sentence_passes(report: str, sentence: str) -> None:
    evidence = Evidence(texts=(SourceText("report", report),))
    assert check_sentence(sentence, evidence).supported == (sentence not in STILL_WITHHELD)


@pytest.mark.parametrize(("report", "sentence"), _pairs("unsupported"))
def test_a_false_french_sentence_is_withheld(report: str, sentence: str) -> None:
    evidence = Evidence(texts=(SourceText("report", report),))
    assert not check_sentence(sentence, evidence).supported


def test_the_sentence_of_the_report_is_named() -> None:
    report = "Foie normal.\nNodule de 8 mm du lobe supérieur droit."
    verdict = check_sentence(
        "Le lobe supérieur droit contient un nodule de 8 mm.",
        Evidence(texts=(SourceText("report", report),)),
    )
    (span,) = verdict.source_spans
    assert report[span.start : span.end] == "Nodule de 8 mm du lobe supérieur droit."


def test_an_english_sentence_may_be_stated_of_a_french_report() -> None:
    evidence = Evidence(texts=(SourceText("report", "Nodule de 8 mm du lobe supérieur droit."),))
    assert check_sentence("8 mm nodule in the right upper lobe.", evidence).supported
