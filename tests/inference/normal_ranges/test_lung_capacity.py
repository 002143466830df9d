"""Predicted total lung capacity, against the equation that GLI published in 2021.

Hall et al., Eur Respir J 2021; 57: 2000289, table 3; the splines of M are those that other
programs keep from its look-up tables.
"""

import math

import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.normal_ranges.lung_capacity import TotalLungCapacity
from inference.normal_ranges.reference import NotApplicable
from inference.normal_ranges.subject import Subject, subject_of

LUNGS = TotalLungCapacity("Both lungs volume")


def published_median_l(sex: str, age_years: float, height_cm: float, spline: float) -> float:
    intercept, of_age, of_height = {
        "M": (-10.5861, 0.1433, 2.3155),
        "F": (-10.1128, 0.1062, 2.2259),
    }[sex]
    terms = intercept + of_age * math.log(age_years) + of_height * math.log(height_cm)
    return math.exp(terms + spline)


@pytest.mark.parametrize(
    ("sex", "age_years", "height_cm", "spline"),
    [
        ("M", 80, 170, -0.082509929),
        ("M", 76, 181, -0.070314055),
        ("F", 6, 117, -0.142986411),
        ("F", 50, 160, 0.014101822),
        ("F", 60, 165, -0.023288842),
    ],
)
def test_the_median_is_the_published_one(
    sex: str, age_years: float, height_cm: float, spline: float
) -> None:
    stated = LUNGS.range_for(Subject(sex, age_years, height_cm), 5.0)
    assert stated.median == pytest.approx(
        published_median_l(sex, age_years, height_cm, spline), abs=0.001
    )


@pytest.mark.parametrize(
    ("stated", "sex"),
    [("m", "M"), ("M ", "M"), ("Male", "M"), ("f", "F"), ("FEMALE", "F"), ("w", "F")],
)
def test_the_sex_counts_however_it_is_written(stated: str, sex: str) -> None:
    header = Dataset()
    header.add(DataElement("PatientSex", "CS", stated, validation_mode=config.IGNORE))
    header.PatientSize = "1.70"
    header.PatientBirthDate, header.StudyDate = "19660615", "20260616"
    found = LUNGS.range_for(subject_of(header), 5.0)
    spline = {"M": -0.019389, "F": -0.023288842}[sex]
    assert found.median == pytest.approx(published_median_l(sex, 60, 170, spline), rel=0.01)


def test_percentile_and_limits_follow_from_the_lms_parameters() -> None:
    # Female, 60 years: L 0.4636, S exp(-2.0999321 + 0.0001564 * 60 + Sspline) = 0.123200.
    stated = LUNGS.range_for(Subject("F", 60, 165), 4.2)
    median, coefficient = 5.280678, 0.123200
    z_score = ((4.2 / median) ** 0.4636 - 1) / (0.4636 * coefficient)
    assert stated.z_score == pytest.approx(z_score, abs=0.005)
    assert stated.percentile == pytest.approx(50 * (1 + math.erf(z_score / math.sqrt(2))), abs=0.05)
    low = median * (1 - 1.645 * 0.4636 * coefficient) ** (1 / 0.4636)
    assert stated.low == pytest.approx(low, abs=0.001)
    # A value at the median is at the 50th percentile.
    assert LUNGS.range_for(Subject("F", 60, 165), 5.280678).percentile == 50.0


def test_nothing_is_concluded_from_a_value_outside() -> None:
    stated = LUNGS.range_for(Subject("M", 45, 175), 3.0)
    assert stated.low is not None
    assert stated.low > 3.0
    assert stated.place_of(3.0) is None
    assert "taken lying" in stated.caveat
    assert stated.of_whom == "men of 45 years and 175 cm"


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (Subject("", 45, 175), "asks for the patient's sex, M or F."),
        (Subject("M", None, 175), "asks for the patient's age."),
        (Subject("M", 45, None), "asks for the patient's height, in metres (PatientSize)."),
        (
            Subject("M", 80.5, 175),
            "holds from the 5th to the 80th birthday; the patient's age is 80 years.",
        ),
        (
            Subject("F", 4.9, 105),
            "holds from the 5th to the 80th birthday; the patient's age is 4 years.",
        ),
    ],
)
def test_where_it_does_not_hold_it_says_why(subject: Subject, reason: str) -> None:
    with pytest.raises(NotApplicable) as refused:
        LUNGS.range_for(subject, 5.0)
    assert str(refused.value).endswith(reason)


@pytest.mark.parametrize(
    ("stated", "height_cm"), [("1.76", 176.0), ("176", None), ("0", None), ("", None)]
)
def test_a_height_in_other_units_than_metres_is_none(stated: str, height_cm: float | None) -> None:
    header = Dataset()
    header.PatientSize = stated
    header.PatientSex = "O"
    assert subject_of(header) == Subject("", None, height_cm)
