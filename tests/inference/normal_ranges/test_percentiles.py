"""A percentile, and of whom it is, are the same wherever they are read."""

from dataclasses import replace

import pytest

from inference.findings.facts import Fact, fact_of
from inference.normal_ranges.distribution import NormalDistribution, percentile_of
from inference.normal_ranges.lung_capacity import TotalLungCapacity
from inference.normal_ranges.reference import ReferenceValues
from inference.normal_ranges.subject import Subject
from inference.reports.export.oru import limits_of
from inference.reports.locale import load_locale
from inference.reports.reference_text import (
    _of_whom,
    beside_normal_ranges,
    sources_of_normal_ranges,
)
from inference.results.narrative import shown_range
from storage.core.findings import NormalRange
from tests.api.client import finding_of
from tests.inference.results_support import job_for


def fact_with(normal: NormalRange) -> Fact:
    return fact_of(replace(finding_of(job_for(None), 1000), normal_range=normal))


@pytest.mark.parametrize(
    ("z_score", "percentile"), [(-9.0, 0.1), (-3.0, 0.1), (-2.0, 2.3), (0.0, 50.0), (9.0, 99.9)]
)
def test_nobody_is_beyond_all_of_a_reference_population(z_score: float, percentile: float) -> None:
    assert percentile_of(z_score) == percentile


@pytest.mark.parametrize(
    ("percentile", "in_pdf", "in_report"),
    [
        (0.1, "percentile <1", "below the 1st percentile"),
        (0.6, "percentile <1", "below the 1st percentile"),
        (30.5, "percentile 31", "31st percentile"),
        (98.5, "percentile 99", "99th percentile"),
        (99.4, "percentile >99", "above the 99th percentile"),
    ],
)
def test_pdf_and_report_round_alike(percentile: float, in_pdf: str, in_report: str) -> None:
    fact = fact_with(NormalRange("cm3", source="Cohort", percentile=percentile))
    assert shown_range(fact.finding) == in_pdf
    (sentence,) = beside_normal_ranges("brain", [fact], load_locale("en"))
    assert f": {in_report}." in sentence.text


OF_WOMEN = ReferenceValues(
    "Brain volume", "cm3", None, None, "Kohorte", "F", (70, 79.5), NormalDistribution(1000, 90)
)


@pytest.mark.parametrize(
    ("normal", "in_english", "in_german"),
    [
        (
            OF_WOMEN.range_for(Subject("F", 71), 1000),
            "Kohorte (women, 70 to 79.5 years).",
            "Kohorte (Frauen, 70 bis 79,5 Jahre).",
        ),
        (
            replace(OF_WOMEN, sex="", age_years=None).range_for(Subject(), 1000),
            "Kohorte.",
            "Kohorte.",
        ),
        (
            TotalLungCapacity("Brain volume", source="GLI").range_for(Subject("M", 45.7, 175), 5.0),
            "GLI (men, 45 years, 175 cm).",
            "GLI (Männer, 45 Jahre, 175 cm).",
        ),
        (
            NormalRange("cm3", 900.0, 1100.0, "GLI", of_whom="men of 45 years"),
            "GLI (men of 45 years).",
            "GLI (men of 45 years).",
        ),
    ],
)
def test_a_report_says_of_whom_in_its_language(
    normal: NormalRange, in_english: str, in_german: str
) -> None:
    for language, expected in (("en", in_english), ("de", in_german)):
        (sentence,) = sources_of_normal_ranges([fact_with(normal)], load_locale(language))
        assert expected in sentence.text


def test_no_limits_go_by_hl7_where_a_value_is_not_to_be_compared_with_them() -> None:
    stated = NormalRange("L", 4.5, 7.5, "GLI")
    assert limits_of(stated) == "4.5-7.5"
    assert limits_of(replace(stated, caveat="Taken lying.")) == ""
    # HL7 v2.5.1, 2.A.47: a number has no exponent.
    assert limits_of(NormalRange("mm3", 0.00001234, 1234567.0, "A")) == "0.00001234-1234567"


@pytest.mark.parametrize(
    ("low", "high", "english", "german"),
    [
        (40, 49, "40 to 49 years", "40 bis 49 Jahre"),
        (1, 1, "1 year", "1 Jahr"),
        (0, 0, "under 1 year", "unter 1 Jahr"),
        (0, 0.5, "0 to 6 months", "0 bis 6 Monate"),
        (1 / 12, 1 / 12, "1 month", "1 Monat"),
        (2.5, 3.5, "2.5 to 3.5 years", "2,5 bis 3,5 Jahre"),
    ],
)
def test_ages_are_stated_as_people_state_them(
    low: float, high: float, english: str, german: str
) -> None:
    assert (
        ReferenceValues("V", "mL", 1.0, 2.0, "S", age_years=(low, high)).people.of_whom == english
    )
    normal = NormalRange("mL", 1.0, 2.0, "S", age_from=low, age_to=high)
    assert [_of_whom(normal, load_locale(one)) for one in ("en", "de")] == [english, german]


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (1.0, "girls of 12 months"),
        (0.0, "female infants of 0 days"),
        (2.0, "girls of 2 years"),
        (0.25, "female infants of 3 months"),
        (18.0, "women of 18 years"),
    ],
)
def test_nobody_is_of_one_years_and_no_child_a_woman(age: float, words: str) -> None:
    assert Subject("F", age).in_words == words


@pytest.mark.parametrize(
    ("low", "high", "english", "german"),
    [
        (0, 0, "male infants, under 1 year", "männliche Säuglinge, unter 1 Jahr"),
        (0, 17, "boys, 0 to 17 years", "Jungen, 0 bis 17 Jahre"),
        (0, 18, "males, 0 to 18 years", "männlich, 0 bis 18 Jahre"),
        (10, 18, "males, 10 to 18 years", "männlich, 10 bis 18 Jahre"),
        (17.5, 90, "males, 17.5 to 90 years", "männlich, 17,5 bis 90 Jahre"),
        (18, 18, "men, 18 years", "Männer, 18 Jahre"),
        (18, 90, "men, 18 to 90 years", "Männer, 18 bis 90 Jahre"),
    ],
)
def test_children_are_no_men(low: float, high: float, english: str, german: str) -> None:
    people = ReferenceValues("V", "mL", 1.0, 2.0, "S", sex="M", age_years=(low, high)).people
    normal = NormalRange("mL", 1.0, 2.0, "S", age_from=low, age_to=high, sex="M")
    words = [_of_whom(normal, load_locale(one)) for one in ("en", "de")]
    assert (people.of_whom, *words) == (english, english, german)
