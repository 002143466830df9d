"""What a card says of a rule: categories by size and kind of lesions, and where it is from."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from inference.models.cards.card_file import Card
from inference.models.cards.card_words import meant
from inference.models.description import VERSION_PATTERN, ModelDescription
from inference.rules.conditions import Strict

SIZES = ("mean_diameter_mm", "long_axis_mm", "short_axis_mm", "volume_mm3")
"""What is known of each lesion that was outlined; the first is the mean of the two axes."""
NOT_ASSESSABLE = "not assessable"
_Fact = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Kind = Annotated[str, Field(min_length=1, max_length=32)]
_Concept = tuple[str, str]


class Limits(Strict):
    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Limits":
        if self.at_least is None and self.below is None:
            raise ValueError("says nothing; use at_least, below, or both")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError(
                f"holds for no value: at_least is {self.at_least:g} and below {self.below:g}"
            )
        return self


class Row(Strict):
    """All of it must hold."""

    kind: _Kind | None = None
    limits: dict[_Fact, Limits] = Field({}, max_length=8)

    @model_validator(mode="after")
    def _says_something(self) -> "Row":
        if self.kind is None and not self.limits:
            raise ValueError("says nothing; use kind, limits, or both")
        return self


class StatedCategory(Strict):
    category: str = Field(min_length=1, max_length=16)
    code: tuple[Annotated[str, Field(max_length=16)], str, Annotated[str, Field(max_length=64)]]
    when: tuple[Row, ...] = Field(min_length=1, max_length=16)
    """Any of these."""


class StatedMeasure(Strict):
    """A number that the other pipeline states of the lesion, by its code and unit (UCUM)."""

    code: _Concept
    unit: str = Field(min_length=1)


class Example(Strict):
    """A lesion whose category is known: the rule must give it, or it is not used."""

    kind: _Kind | None = None
    facts: dict[_Fact, float] = Field({})
    category: str


class StatedRule(Strict):
    """Categories from the most to the least severe; of a lesion the first that holds counts."""

    name: str = Field(min_length=1, max_length=48)
    version: str = Field(pattern=VERSION_PATTERN)
    scale: str = Field(min_length=1, max_length=24)
    """What its categories are of: "Lung-RADS v2022"."""
    source: str = Field(min_length=1, max_length=300)
    kinds: dict[_Kind, tuple[_Concept, ...]] = Field({}, max_length=16)
    """By which codes of the segment a lesion is known to be of a kind."""
    measures: dict[_Fact, StatedMeasure] = Field({}, max_length=8)
    decimals: int = Field(1, ge=0, le=3)
    """To which sizes are rounded, halves up, before they are compared."""
    categories: tuple[StatedCategory, ...] = Field(min_length=1, max_length=16)
    examples: tuple[Example, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _names_are_known(self) -> "StatedRule":
        rows = [row for one in self.categories for row in one.when]
        facts = (*SIZES, *self.measures)
        _check((name for row in rows for name in row.limits), facts, "limits")
        _check((name for one in self.examples for name in one.facts), facts, "facts of examples")
        kinds = (*(row.kind for row in rows), *(one.kind for one in self.examples))
        _check((kind for kind in kinds if kind is not None), tuple(self.kinds), "kind")
        names = [one.category for one in self.categories]
        if len(set(names)) < len(names) or NOT_ASSESSABLE in names:
            raise ValueError(f"categories are named once each, and none is '{NOT_ASSESSABLE}'")
        _check((one.category for one in self.examples), (*names, NOT_ASSESSABLE), "category")
        return self


class RuleCard(Card):
    rule: StatedRule

    @model_validator(mode="after")
    def _of_one_result(self) -> "RuleCard":
        results = [one for one in self.inputs.values() if one.result_of is not None]
        if len(results) != 1 or len(self.inputs) != 2 or not results[0].required:
            raise ValueError(
                "a rule has two inputs: the series, and a required result_of a pipeline that finds"
                " lesions in it"
            )
        return self


class RuleDescription(ModelDescription):
    card: RuleCard
    kind: Literal["classification"] = "classification"


def _check(names: Iterable[str], known: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in known:
            stated = ", ".join(known) or "none"
            raise ValueError(f"{what} knows no '{name}'; it knows {stated}{meant(name, known)}")
