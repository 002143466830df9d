"""The total of all lesions is never taken for one lesion, nor called unchanged."""

import pytest

from inference.findings.comparison import Comparison, Earlier, ReportRef, quantity_key
from inference.findings.facts import Fact
from inference.reports.draft import draft_sections
from inference.reports.locale import load_locale
from tests.inference.reports.known import evidence, fact

NOW = fact("Metastasis volume, total of 3 lesions", "118565006", 12.7, "cm3", "lesions")
THEN = fact("Metastasis volume, total of 4 lesions", "118565006", 12.2, "cm3", "lesions")
ONE = fact("Metastasis 1 volume", "118565006", 12.0, "cm3", "lesions")
ONE_BEFORE = fact("Metastasis 1 volume", "118565006", 6.0, "cm3", "lesions")


@pytest.mark.parametrize(
    ("language", "expected", "single"),
    [
        ("en", "Metastasis volume, total of all 3 lesions: 12.7 cm³; on 12 March 2023 12.2 cm³,"
         " total of all 4 lesions. A total does not show how single lesions have changed.",
         "The volume of metastasis 1 has increased by 100.0%"),
        ("de", "Metastase (Volumen), Summe von allen 3 Läsionen: 12,7 cm³; am 12. März 2023"
         " 12,2 cm³, Summe von allen 4 Läsionen. Die Summe zeigt nicht, wie sich einzelne Läsionen"
         " verändert haben.", "Volumen von Metastase 1"),
    ],
)  # fmt: skip
def test_the_draft_says_of_how_many_lesions(language: str, expected: str, single: str) -> None:
    def found(study: str = "", factor: float = 0.0) -> tuple[Fact, ...]:
        return (THEN, ONE_BEFORE) if factor else (NOW, ONE)

    known = evidence(found, "CT", prior_factor=1.0)
    texts = [
        one.text
        for section in draft_sections(known, load_locale(language))
        for one in section.sentences
    ]
    assert expected in texts
    assert any(single in one for one in texts)


def test_a_total_within_the_variation_is_compared_with_nothing() -> None:
    def compared(before_cm3: float) -> bool:
        earlier = Earlier(THEN.finding, "20230301", before_cm3, ReportRef("", "", ""))
        known = Comparison("20240301", {quantity_key(THEN.finding): earlier})
        return known.compared(NOW.finding).prior is not None

    assert not compared(12.2)
    assert compared(6.0)
