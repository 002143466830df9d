"""The patient as reference values ask: sex, age, height and contrast agent at the study."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.acquisition.reconstruction import acquisition_of
from inference.normal_ranges.ages import age_in_words
from inference.normal_ranges.stated_age import ages_years, born_after_study
from storage.core.patient_sex import sex_of

_CM_IN_M = 100.0
GROWN_UP_YEARS = 18
_UNBORN = "; PatientBirthDate lies after StudyDate"
# Beyond, PatientSize (metres: PS3.3 C.7.2.2) holds something else, such as centimetres.
_SHORTEST_M, _TALLEST_M = 0.4, 2.6


@dataclass(frozen=True)
class Subject:
    sex: str = ""
    """M or F; empty where it is neither, or not known."""
    age_years: float | None = None
    height_cm: float | None = None
    contrast_agent: bool = False
    """Whether the images were made with one."""
    kernel: str = ""
    """With which CT images were reconstructed; empty where it is not known."""
    ages_contradict: bool = False
    """Whether birth date and PatientAge do; the age is not known then."""
    ages_apart: str = ""
    """Where birth date and PatientAge, or StudyDate, contradict each other: goes behind what asks
    for the age."""

    @property
    def completed_years(self) -> str:
        """Age as people state it, of infants in months or days; empty where it is not known."""
        return "" if self.age_years is None else age_in_words(self.age_years)

    @property
    def in_words(self) -> str:
        """Sex and age, as far as they are known."""
        people = people_of(self.sex, self.age_years)
        return f"{people} of {self.completed_years}" if self.completed_years else people


def people_of(sex: str, age_years: float | None) -> str:
    """Men or women (M or F), or people, as one calls them at that age."""
    if age_years is not None and age_years < 1:
        return {"M": "male infants", "F": "female infants"}.get(sex, "infants")
    if age_years is not None and age_years < GROWN_UP_YEARS:
        return {"M": "boys", "F": "girls"}.get(sex, "children")
    return {"M": "men", "F": "women"}.get(sex, "people")


def people_of_ages(sex: str, from_years: float | None, to_years: float | None) -> str:
    """As one calls those from one age to another (completed years), of whom some may be children
    and some grown up."""
    low, high = from_years or 0, GROWN_UP_YEARS if to_years is None else to_years
    if from_years is not None and low < GROWN_UP_YEARS <= high:
        return {"M": "males", "F": "females"}.get(sex, "people")
    return people_of(sex, to_years)


NOBODY_KNOWN = Subject()


def subject_of(header: Dataset, *others: Dataset) -> Subject:
    """The patient of any image; how they were made, of all: a kernel that differs between them is
    not known, and a contrast agent in one of them counts."""
    sex = sex_of(header.get("PatientSex"))
    ages, unborn = ages_years(header), born_after_study(header)
    return Subject(
        sex if sex in ("M", "F") else "",
        ages[0] if len(ages) == 1 and not unborn else None,
        _height_cm(header),
        any(map(contrast_agent_given, (header, *others))),
        acquisition_of((header, *others)).kernel,
        len(ages) > 1 and not unborn,
        _UNBORN if unborn else _apart(*ages) if len(ages) > 1 else "",
    )


def _apart(by_birth_date: float, stated: float) -> str:
    return (
        f"; {age_in_words(by_birth_date)} by PatientBirthDate and {age_in_words(stated)} by"
        " PatientAge contradict each other"
    )


def _height_cm(header: Dataset) -> float | None:
    try:
        height_m = float(header.get("PatientSize"))
    except (TypeError, ValueError):
        return None
    return height_m * _CM_IN_M if _SHORTEST_M <= height_m <= _TALLEST_M else None
