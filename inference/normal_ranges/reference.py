"""Reference values of one measurement, and the normal range that they give a patient."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from inference.normal_ranges.ages import ages_in_words
from inference.normal_ranges.distribution import Distribution, NormalDistribution, percentile_of
from inference.normal_ranges.subject import Subject, people_of_ages
from storage.core.findings import NormalRange
from storage.core.text.rounding import kept

# The central 95 % of a reference population, where its limits are not stated (CLSI EP28).
_LIMIT_Z_SCORE = 1.959964


class NotApplicable(Exception):
    """Reference values do not hold for the patient; the message says why, in a sentence.

    `for_others`: they are other people's, whatever else were known of the patient.
    """

    def __init__(self, message: str, *, for_others: bool = False) -> None:
        super().__init__(message)
        self.for_others = for_others


class People(NamedTuple):
    """Whose values these are, as `NormalRange` keeps it; in words, and the same in parts."""

    of_whom: str = ""
    sex: str = ""
    age_from: float | None = None
    age_to: float | None = None
    height_cm: float | None = None


class Reference(Protocol):
    """One source of what is normal for one measurement; `ReferenceValues` explains its parts."""

    @property
    def label(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def source(self) -> str: ...
    @property
    def sex(self) -> str: ...
    @property
    def age_years(self) -> tuple[float, float] | None: ...
    @property
    def caveat(self) -> str: ...
    @property
    def pipeline(self) -> str: ...

    def range_for(self, subject: Subject, value: float) -> NormalRange:
        """Raises NotApplicable."""
        ...


@dataclass(frozen=True)
class ReferenceValues:
    """A row of a table: limits, a distribution, or both, for a sex and a range of ages."""

    label: str
    """Of the measurement that it is about."""
    unit: str
    """A UCUM code."""
    low: float | None
    """Values that the source calls normal, ends included; None: open to that side."""
    high: float | None
    source: str
    sex: str = ""
    """M or F; empty: any. A row for one sex holds for nobody whose sex is not known."""
    age_years: tuple[float, float] | None = None
    """An upper end in whole years holds until the next birthday: 40 to 49 is before the 50th."""
    distribution: Distribution | NormalDistribution | None = None
    caveat: str = ""
    """Why a value outside is not to be called low or high."""
    pipeline: str = ""
    """Whose measurement alone it is about; empty: anybody's."""
    without_contrast_agent: bool = False
    """Whether the values hold for images without contrast agent alone."""
    kernels: tuple[str, ...] | None = None
    """Of the source's images, all smooth; empty: the source's are not known, so that every value
    has a caveat. None: the values do not depend on the kernel."""
    line: int = 0
    """In the site's file, from 1; 0 of other sources."""

    @property
    def ages(self) -> tuple[float, float]:
        """From, and up to but without, in years."""
        if self.age_years is None:
            return 0.0, float("inf")
        low, high = self.age_years
        return low, high + 1 if float(high).is_integer() else high

    @property
    def people(self) -> People:
        low, high = self.age_years or (None, None)
        parts = [people_of_ages(self.sex, low, high) if self.sex else ""]
        if self.age_years is not None:
            parts.append(ages_in_words(*self.age_years))
        return People(", ".join(part for part in parts if part), self.sex, low, high)

    def range_for(self, subject: Subject, value: float) -> NormalRange:
        self._check(subject)
        return normal_range(
            value,
            unit=self.unit,
            low=self.low,
            high=self.high,
            distribution=self.distribution,
            people=self.people,
            source=self.source,
            caveat=self.caveat or self._caveat_of_kernel(subject),
        )

    def _caveat_of_kernel(self, subject: Subject) -> str:
        if self.kernels is None or subject.kernel.casefold() in map(str.casefold, self.kernels):
            return ""
        return f"Kernel {subject.kernel or 'not known'}: the limit is for smooth kernels."

    def _check(self, subject: Subject) -> None:
        low, below = self.ages
        age = low if subject.age_years is None else subject.age_years
        if (self.sex and subject.sex not in ("", self.sex)) or not low <= age < below:
            raise NotApplicable(
                f"There are no reference values for {subject.in_words}.", for_others=True
            )
        if self.without_contrast_agent and subject.contrast_agent:
            raise NotApplicable(
                "The reference values hold for images without contrast agent, and these were made"
                " with one."
            )
        if self.sex and not subject.sex:
            raise NotApplicable("The reference values ask for the patient's sex, M or F.")
        if self.age_years is not None and subject.age_years is None:
            raise NotApplicable(
                f"The reference values ask for the patient's age{subject.ages_apart}."
            )


def normal_range(
    value: float,
    *,
    unit: str,
    low: float | None,
    high: float | None,
    distribution: Distribution | NormalDistribution | None,
    people: People,
    source: str,
    caveat: str,
    limit_z_score: float = _LIMIT_Z_SCORE,
) -> NormalRange:
    """What is stored with a finding of that value.

    Limits that are not given are those of the distribution at `limit_z_score` to both sides.
    """
    stated = NormalRange(unit, low, high, source, caveat=caveat, **people._asdict())
    if distribution is None:
        return stated
    z_score = distribution.z_score(value)
    if z_score is None:
        raise NotApplicable("The reference values hold for values above 0 alone.")
    if low is None and high is None:
        low, high = (distribution.value_at(side * limit_z_score) for side in (-1, 1))
    return replace(
        stated,
        low=_rounded(low),
        high=_rounded(high),
        median=_rounded(distribution.median),
        percentile=percentile_of(z_score),
        z_score=round(z_score, 2),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else kept(value)
