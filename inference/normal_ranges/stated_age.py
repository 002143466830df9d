"""The age of a patient at a study, as the headers state it."""

import re
from collections.abc import Iterable
from datetime import date

from pydicom.dataset import Dataset

from inference.normal_ranges.ages import age_in_words
from storage.core.caveats import Caveat

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_IN_MONTHS_FROM = 2
_ONE_HOUR = 1 / 24 / _DAYS["Y"]
_AGES_MAY_DIFFER_YEARS = 1.0
"""PatientAge may be that of the day when the study was planned, or rounded."""
_OLDEST_YEARS = 122.5
"""Nobody has lived longer, as far as is proven: a date of birth that gives more is none."""
_NOBODYS = date(1900, 1, 1)
"""What software writes in place of a date of birth that is not known."""
_DATE = re.compile(r"(\d{4})(\.?)(\d{2})\2(\d{2})")
"""With points as before 1993, which readers take still (PS3.5 6.2, DA)."""


def ages_years(header: Dataset) -> tuple[float, ...]:
    """At the study: by birth date, else by PatientAge; both where they contradict each other.

    A birth date may be a placeholder of de-identification. Empty where neither is stated.
    """
    born, at = _born_and_at(header)
    found = _AGE.fullmatch(str(header.get("PatientAge") or "").strip(" \0").upper())
    unit = 0.0 if found is None else _DAYS[found[2]] / _DAYS["Y"]
    stated = None if found is None else int(found[1]) * unit
    age = None if born is None or at is None or at < born else _years_between(born, at)
    if age is None or age > _OLDEST_YEARS:
        return () if stated is None else (stated,)
    if stated is None:
        return (age,)
    # It counts completed years, months, weeks or days.
    apart = max(stated - age, age - (stated + unit))
    return (age, stated) if apart > _AGES_MAY_DIFFER_YEARS else (age,)


def born_after_study(header: Dataset) -> bool:
    """Whether PatientBirthDate lies behind StudyDate, so that one of them is wrong."""
    born, at = _born_and_at(header)
    return born is not None and at is not None and at < born


def caveat_of_ages(headers: Iterable[Dataset]) -> Caveat | None:
    """Where one of the images contradicts itself on how old the patient was: they may be of
    somebody else. None where none does."""
    for header in headers:
        if born_after_study(header):
            return Caveat(
                "born_after_study",
                "PatientBirthDate lies after StudyDate: check that the images are this patient's.",
            )
        ages = ages_years(header)
        if len(ages) > 1:
            by_birth_date, stated = map(age_in_words, ages)
            return Caveat(
                "ages_contradict",
                f"The patient was {by_birth_date} old by PatientBirthDate and {stated} by"
                " PatientAge: check that the images are this patient's. Nothing is compared with"
                " values by age.",
            )
    return None


def _born_and_at(header: Dataset) -> tuple[date | None, date | None]:
    born = _date(header, "PatientBirthDate")
    return None if born == _NOBODYS else born, _date(header, "StudyDate")


def _years_between(born: date, at: date) -> float:
    """Whole years from birthday to birthday, and the share of the one that has begun.

    That is exact in days at first, and never below the whole months that are over.
    """
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    try:
        birthday = born.replace(year=born.year + years)
    except ValueError:
        # Of those who were born on 29 February.
        birthday = date(born.year + years, 3, 1)
    months = (at.year - birthday.year) * 12 + at.month - birthday.month - (at.day < birthday.day)
    share = max(0, (at - birthday).days) / _DAYS["Y"]
    if months >= _IN_MONTHS_FROM:
        share = min(max(share, months / 12), (months + 1) / 12 - _ONE_HOUR)
    return years + share


def _date(header: Dataset, keyword: str) -> date | None:
    found = _DATE.fullmatch(str(header.get(keyword) or "").strip())
    try:
        return None if found is None else date(*(int(found[part]) for part in (1, 3, 4)))
    except ValueError:
        return None
