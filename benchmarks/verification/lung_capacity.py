"""Rows about the predicted total lung capacity."""

import math
from collections.abc import Iterator

from benchmarks.verification.rows import Row
from inference.normal_ranges.lung_capacity import TotalLungCapacity
from inference.normal_ranges.subject import Subject

# GLI 2021, table 3 of the paper: intercept, coefficients of log(age) and log(height); and the
# spline of M at the age, which other programs keep from its look-up tables.
_EQUATIONS = {"M": (-10.5861, 0.1433, 2.3155), "F": (-10.1128, 0.1062, 2.2259)}
_PEOPLE = (
    ("M", 76, 181, -0.070314055),
    ("M", 80, 170, -0.082509929),
    ("F", 6, 117, -0.142986411),
    ("F", 50, 160, 0.014101822),
    ("F", 60, 165, -0.023288842),
)


def capacity_rows() -> Iterator[Row]:
    """The median of total lung capacity, beside the published equation."""
    reference = TotalLungCapacity("Both lungs volume")
    for sex, age_years, height_cm, spline in _PEOPLE:
        intercept, of_age, of_height = _EQUATIONS[sex]
        expected = math.exp(
            intercept + of_age * math.log(age_years) + of_height * math.log(height_cm) + spline
        )
        stated = reference.range_for(Subject(sex, age_years, height_cm), expected)
        yield Row(
            "predicted total lung capacity",
            f"{sex}, {age_years} years, {height_cm} cm",
            "median",
            "L",
            expected,
            stated.median,
            0.001,
            "Hall et al. 2021, by hand",
            caveat="A CT is not a plethysmograph: no value is called low or high by it.",
        )
