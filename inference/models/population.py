"""For whom and for which images a model was made, and whether a study is among them.

What a header does not state is not judged: a missing age is no age outside.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydicom.dataset import Dataset

from inference.imaging.contrast_agent import contrast_agent_given
from inference.imaging.field_strength import field_strengths_t

OnOutside = Literal["caveat", "refuse"]
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True)
class Population:
    """Ranges include their ends; what is None or empty does not restrict."""

    age_years: tuple[float, float] | None = None
    sex: tuple[str, ...] = ()
    """Of M, F and O (PS3.3 C.7.1.1)."""
    field_strength_t: tuple[float, float] | None = None
    manufacturers: tuple[str, ...] = ()
    """Parts of Manufacturer; upper and lower case are alike."""
    sequences: tuple[str, ...] = ()
    """Of ScanningSequence (PS3.3 C.8.3.1): one of them is stated."""
    contrast_agent: bool | None = None
    """True: given; False: not given."""
    slice_thickness_mm: tuple[float, float] | None = None
    kvp: tuple[float, float] | None = None
    pathology: str = ""
    """In words, for people: what the images it was made with showed."""
    source: str = ""
    """Who says so."""
    on_outside: OnOutside = "caveat"

    def outside(self, header: Dataset) -> tuple[str, ...]:
        """What of a study lies outside, a phrase each with the range; empty where nothing does."""
        return tuple(self._outside(header))

    def _outside(self, header: Dataset) -> Iterator[str]:
        age = age_years(header)
        if age is not None and not _within(age, self.age_years):
            yield f"age {_years(age)} ({_range(self.age_years)} years)"
        sex = str(header.get("PatientSex") or "")
        if sex and self.sex and sex not in self.sex:
            yield f"sex {sex} ({', '.join(self.sex)})"
        tesla = field_strengths_t(header)
        if not all(_within(one, self.field_strength_t) for one in tesla):
            meant = " or ".join(f"{one:g} T" for one in tesla)
            unit = ", in which unit is not stated" if len(tesla) > 1 else ""
            yield f"field strength {meant}{unit} ({_range(self.field_strength_t)} T)"
        maker = str(header.get("Manufacturer") or "").strip()
        if maker and self.manufacturers and not _is_among(maker, self.manufacturers):
            yield f"manufacturer {maker} ({', '.join(self.manufacturers)})"
        stated = _texts(header, "ScanningSequence")
        if stated and self.sequences and not set(stated) & set(self.sequences):
            yield f"sequence {', '.join(stated)} ({', '.join(self.sequences)})"
        given = contrast_agent_given(header)
        if self.contrast_agent is not None and given is not self.contrast_agent:
            yield f"{'with' if given else 'without'} contrast agent"
        for keyword, name, unit, limits in (
            ("SliceThickness", "slice thickness", "mm", self.slice_thickness_mm),
            ("KVP", "tube voltage", "kV", self.kvp),
        ):
            value = _number(header, keyword)
            if value is not None and not _within(value, limits):
                yield f"{name} {value:g} {unit} ({_range(limits)} {unit})"


ANYBODY = Population()
"""Of a card that says nothing."""


def caveat_of(population: Population, header: Dataset) -> str:
    """One sentence for a study outside, "" for one within."""
    outside = population.outside(header)
    if not outside:
        return ""
    by = f", by {population.source}" if population.source else ""
    return f"Outside the population the model was made for{by}: {'; '.join(outside)}."


def age_years(header: Dataset) -> float | None:
    """At the study: by birth date, else by PatientAge; None where neither is stated."""
    born, at = (_date(header, keyword) for keyword in ("PatientBirthDate", "StudyDate"))
    if born is not None and at is not None and at >= born:
        return _years_between(born, at)
    stated = _AGE.fullmatch(str(header.get("PatientAge") or "").strip())
    return None if stated is None else int(stated.group(1)) * _DAYS[stated.group(2)] / _DAYS["Y"]


def _years_between(born: date, at: date) -> float:
    """Whole years from birthday to birthday, and the share of the one that has begun."""
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    try:
        birthday = born.replace(year=born.year + years)
    except ValueError:
        # Of those who were born on 29 February.
        birthday = date(born.year + years, 3, 1)
    return years + max(0, (at - birthday).days) / 366


def _date(header: Dataset, keyword: str) -> date | None:
    found = _DATE.fullmatch(str(header.get(keyword) or "").strip())
    try:
        return None if found is None else date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def _number(header: Dataset, keyword: str) -> float | None:
    try:
        return float(header.get(keyword))
    except (TypeError, ValueError):
        return None


def _texts(header: Dataset, keyword: str) -> Sequence[str]:
    value = header.get(keyword) or ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _within(value: float, limits: tuple[float, float] | None) -> bool:
    return limits is None or limits[0] <= value <= limits[1]


def _is_among(maker: str, known: Sequence[str]) -> bool:
    return any(one.casefold() in maker.casefold() for one in known)


def _range(limits: tuple[float, float] | None) -> str:
    return "" if limits is None else f"{limits[0]:g} to {limits[1]:g}"


def _years(age: float) -> str:
    return f"{age:.0f} years" if age >= 2 else f"{age * 12:.0f} months"
