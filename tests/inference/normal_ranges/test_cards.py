"""Normal ranges of a model's card: the first that holds for the patient counts."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError
from pydicom.dataset import Dataset

from inference.findings.normal_ranges import NormalRanges
from inference.models.cards.card_file import Card
from inference.normal_ranges.subject import Subject, subject_of
from storage.core.findings import NormalRange
from tests.api.client import finding_of
from tests.inference.results_support import job_for

OF_WOMEN = {"label": "Brain volume", "unit": "cm3", "at_least": 950, "sex": "F", "source": "A"}
OF_ANYBODY = {"label": "Brain volume", "unit": "cm3", "mean_sd": [1100, 100], "source": "B"}


def stated(subject: Subject, *ranges: Mapping[str, object]) -> NormalRange | None:
    card = Card.model_validate({"normal_ranges": ranges})
    finding = finding_of(job_for(None), 1000)
    return NormalRanges(card.ranges, subject).applied(finding).normal_range


def test_a_range_for_women_is_not_applied_to_somebody_whose_sex_is_not_known() -> None:
    woman = stated(Subject("F"), OF_WOMEN, OF_ANYBODY)
    assert woman is not None
    assert (woman.source, woman.low, woman.percentile) == ("A", 950, None)
    unknown = stated(Subject(), OF_WOMEN, OF_ANYBODY)
    assert unknown is not None
    # One deviation below the mean.
    assert (unknown.source, unknown.z_score, unknown.percentile) == ("B", -1.0, 15.9)
    alone = stated(Subject(), OF_WOMEN)
    assert alone is not None
    assert alone.missing == "The reference values ask for the patient's sex, M or F."
    assert stated(Subject("F")) is None


def test_limits_of_small_values_keep_their_digits() -> None:
    diffusivity = {
        "label": "Brain volume",
        "unit": "cm3",
        "mean_sd": [0.00071, 0.00004],
        "source": "A",
    }
    found = stated(Subject(), diffusivity)
    assert found is not None
    assert (found.low, found.median, found.high) == (0.0006316, 0.00071, 0.0007884)


@pytest.mark.parametrize(
    ("subject", "missing"),
    [
        (Subject(age_years=63), "The reference values ask for the patient's sex, M or F."),
        (Subject("F"), "The reference values ask for the patient's age."),
        (Subject(age_years=50), "There are no reference values for people of 50 years."),
        (Subject("F", 63), ""),
        (Subject("M", 63), "There are no reference values for men of 63 years."),
    ],
)
def test_what_is_not_known_of_the_patient_is_named(subject: Subject, missing: str) -> None:
    """The last row is for other people whatever is known: it is no reason."""
    of_sixties = {**OF_WOMEN, "age_years": [60, 69]}
    of_others = {**OF_ANYBODY, "age_years": [70, 79]}
    found = stated(subject, of_sixties, of_others)
    assert found is not None
    assert found.missing == missing


@pytest.mark.parametrize("age", [None, "063Y"])
def test_a_birth_date_after_the_study_is_named(age: str | None) -> None:
    header = Dataset()
    header.PatientBirthDate, header.StudyDate, header.PatientAge = "20301231", "20260301", age
    found = stated(subject_of(header), {**OF_ANYBODY, "age_years": [60, 69]})
    assert found is not None
    assert found.missing == (
        "The reference values ask for the patient's age; PatientBirthDate lies after StudyDate."
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mean_sd": None}, "use at_least, at_most, mean_sd or lms"),
        ({"lms": [1, 1100, 0.1]}, "leave one of them out"),
        ({"mean_sd": [1100, 0]}, "greater than 0"),
    ],
)
def test_a_range_that_cannot_be_is_refused(change: Mapping[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Card.model_validate({"normal_ranges": [{**OF_ANYBODY, **change}]})
