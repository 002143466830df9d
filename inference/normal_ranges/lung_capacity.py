"""Predicted total lung capacity, beside the volume of the lungs in a CT.

The equation and its splines come from the package pyspiro; the tests compare it with the
published one.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from inference.normal_ranges.distribution import Distribution
from inference.normal_ranges.reference import NotApplicable, People, normal_range
from inference.normal_ranges.subject import Subject
from storage.core.findings import NormalRange

_AGES = (5.0, 80.0)
# The 5th and the 95th percentile are its limits of normal.
_LIMIT_Z_SCORE = 1.645
_SEXES = {"F": 0, "M": 1}
_SOURCE = (
    "GLI 2021, total lung capacity of people of European ancestry (Hall et al., Eur Respir J 2021;"
    " 57: 2000289), limits at the 5th and 95th percentile"
)
_CAVEAT = (
    "Total lung capacity is measured sitting, by plethysmography, after the deepest breath; a CT is"
    " taken lying, at a depth of breath that nobody measured, and the mask of the lungs holds their"
    " vessels and tissue: a value outside is no sign of disease by itself."
)


@dataclass(frozen=True)
class TotalLungCapacity:
    """GLI 2021, by sex, age and height: its limits are those of each patient."""

    label: str
    unit: str = "L"
    low: None = None
    high: None = None
    source: str = _SOURCE
    sex: str = ""
    age_years: tuple[float, float] = _AGES
    caveat: str = _CAVEAT
    pipeline: str = ""

    def range_for(self, subject: Subject, value: float) -> NormalRange:
        age, height_cm = subject.age_years, subject.height_cm
        youngest, oldest = self.age_years
        if age is not None and not youngest <= age <= oldest:
            raise NotApplicable(
                f"Predicted lung capacity holds from the {youngest:g}th to the {oldest:g}th"
                f" birthday; the patient's age is {subject.completed_years}.",
                for_others=True,
            )
        if not subject.sex:
            raise NotApplicable("Predicted lung capacity asks for the patient's sex, M or F.")
        if age is None:
            raise NotApplicable(
                f"Predicted lung capacity asks for the patient's age{subject.ages_apart}."
            )
        if height_cm is None:
            raise NotApplicable(
                "Predicted lung capacity asks for the patient's height, in metres (PatientSize)."
            )
        parameter = _equation().Parameters.TLC.value
        l, m, s = _equation().lms(  # noqa: E741 - their names in the method
            _SEXES[subject.sex], age, height_cm, parameter, value
        )
        return normal_range(
            value,
            unit=self.unit,
            low=None,
            high=None,
            distribution=Distribution(float(l), float(m), float(s)),
            people=People(
                f"{subject.in_words} and {height_cm:.0f} cm",
                subject.sex,
                int(age),
                int(age),
                height_cm,
            ),
            source=self.source,
            caveat=self.caveat,
            limit_z_score=_LIMIT_Z_SCORE,
        )


@cache
def _equation() -> Any:
    # It reads all tables of the package, which takes half a second.
    from pyspiro.src.volumes.GLI_2021 import GLI_2021

    return GLI_2021()
