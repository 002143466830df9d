"""What a card says between two bounds: ranges, limits, and for whom a model was made."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inference.models.cards.card_numbers import check_ascending, check_pair
from inference.models.cards.card_terms import check_terms
from inference.models.population import OnOutside
from inference.normal_ranges.distribution import Distribution, NormalDistribution
from inference.normal_ranges.reference import ReferenceValues
from inference.rules.conditions import Condition, Strict
from inference.rules.critical_rule import CriticalLimits


class CardThreshold(Strict):
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "CardThreshold":
        if self.at_least is None and self.at_most is None:
            raise ValueError("says nothing; use at_least or at_most")
        check_ascending(at_least=self.at_least, at_most=self.at_most)
        return self


class CardRange(Strict):
    """What is normal for one measurement, and who says so: limits, a distribution, or both."""

    label: str = Field(min_length=1)
    """Of the measurement: "Spleen volume"."""
    unit: str = Field(min_length=1)
    source: str = Field(min_length=1)
    sex: Literal["", "M", "F"] = ""
    age_years: tuple[float, float] | None = None
    """An upper end in whole years holds until the next birthday."""
    at_least: float | None = None
    at_most: float | None = None
    mean_sd: tuple[float, Annotated[float, Field(gt=0)]] | None = None
    """Mean and standard deviation."""
    lms: tuple[float, Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None
    """L, M and S of the LMS method."""
    caveat: str = Field("", max_length=300)
    """Why a value outside is not to be called low or high."""

    @model_validator(mode="after")
    def _says_something(self) -> "CardRange":
        if (self.at_least, self.at_most, self.mean_sd, self.lms) == (None, None, None, None):
            raise ValueError("says nothing; use at_least, at_most, mean_sd or lms")
        if self.mean_sd is not None and self.lms is not None:
            raise ValueError("has mean_sd and lms; leave one of them out")
        check_ascending(at_least=self.at_least, at_most=self.at_most)
        check_pair("age_years", self.age_years)
        return self

    @property
    def values(self) -> ReferenceValues:
        """As a model's card keeps it."""
        distribution: Distribution | NormalDistribution | None = None
        if self.lms is not None:
            distribution = Distribution(*self.lms)
        elif self.mean_sd is not None:
            distribution = NormalDistribution(*self.mean_sd)
        return ReferenceValues(
            label=self.label,
            unit=self.unit,
            low=self.at_least,
            high=self.at_most,
            source=self.source,
            sex=self.sex,
            age_years=self.age_years,
            distribution=distribution,
            caveat=self.caveat,
        )


class CardPopulation(Strict):
    """For whom and for which images the model was made; ranges include their ends."""

    age_years: tuple[float, float] | None = None
    sex: tuple[Literal["M", "F", "O"], ...] = ()
    field_strength_t: tuple[float, float] | None = None
    manufacturers: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    contrast_agent: bool | None = None
    slice_thickness_mm: tuple[float, float] | None = None
    kvp: tuple[float, float] | None = None
    pathology: str = Field("", max_length=300)
    source: str = Field("", max_length=300)
    on_outside: OnOutside = "caveat"

    @model_validator(mode="after")
    def _ascending(self) -> "CardPopulation":
        for name in ("age_years", "field_strength_t", "slice_thickness_mm", "kvp"):
            check_pair(name, getattr(self, name))
        return self


class CardCritical(CriticalLimits):
    """Beyond which a finding of the model raises an alert."""

    @model_validator(mode="after")
    def _leaves_values_between(self) -> "CardCritical":
        if self.above is not None and self.below is not None and self.above < self.below:
            raise ValueError(
                f"above is {self.above:g} and below is {self.below:g}: every value would raise an"
                " alert; exchange them"
            )
        return self


def check_tests(condition: Condition) -> None:
    """Raises ValueError for a test that no value meets."""
    for name in dict.fromkeys(condition.names()):
        check_terms(name, condition.tests_of(name))
        for test in condition.tests_of(name):
            try:
                check_ascending(at_least=test.at_least, at_most=test.at_most)
            except ValueError as error:
                raise ValueError(f"the test of {name} holds for no value: {error}") from error
