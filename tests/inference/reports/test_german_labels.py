"""What models call things, in a German draft."""

import pytest

from inference.findings.facts import Fact
from inference.reports.draft import draft_sections
from inference.reports.locale import load_locale
from tests.inference.reports.known import evidence, fact


@pytest.mark.parametrize(
    ("label", "german"),
    [
        ("Metastasis", "Metastase"),
        ("Metastasis 12", "Metastase 12"),
        ("Metastasis 2 long axis", "Metastase 2 (längster Durchmesser)"),
        ("Lymph node 3 short axis", "Lymphknoten 3 (kurze Achse)"),
        ("Metastasis, others volume", "Metastase, weitere (Volumen)"),
        ("Left kidney volume", "Niere links (Volumen)"),
        ("Right hippocampus share of brain", "Hippocampus rechts (Anteil am Hirnvolumen)"),
        ("Intracranial volume", "Schädelinnenraum (Volumen)"),
        # Nobody knows the word, or it is a name of its own.
        ("Zorblax volume", "Zorblax volume"),
        ("Metastasis N", "Metastasis N"),
        ("Volume", "Volume"),
    ],
)
def test_a_label_is_translated_as_a_whole_or_not_at_all(label: str, german: str) -> None:
    assert load_locale("de").label(label) == german
    assert load_locale("en").label(label) == label


def test_a_draft_names_organs_and_lesions_in_its_language() -> None:
    def found(study: str = "2.25.1", factor: float = 1.0) -> tuple[Fact, ...]:
        return tuple(
            fact(label, code, value * factor, unit, "torso", study)
            for label, code, value, unit in (
                ("Left kidney volume", "118565006", 171.2, "cm3"),
                ("Right kidney volume", "118565006", 165.9, "cm3"),
                ("Spleen volume", "118565006", 204.0, "cm3"),
                ("Metastasis 1 volume", "118565006", 12.0, "cm3"),
                ("Metastasis 1 long axis", "103339001", 31.4, "mm"),
            )
        )

    known = evidence(found, "CT", prior_factor=1.5)
    sections = draft_sections(known, load_locale("de"))
    text = " ".join(one.text for section in sections for one in section.sentences)
    for expected in (
        "Niere: rechts 165,9 cm³, links 171,2 cm³.",
        "Milz: 204,0 cm³.",
        "Volumen der Milz: Abnahme um 33,3 % seit dem 12. März 2023",
        "Volumen der linken Niere: Abnahme",
        "Metastase 1: 12,0 cm³.",
        "Metastase 1 (längster Durchmesser): 31,4 mm.",
        "Volumen von Metastase 1: Abnahme",
    ):
        assert expected in text
    for english in ("kidney", "Spleen", "Metastasis", "axis"):
        assert english not in text
